"""Files in projects: which content each has."""

from broker.protocol.ids import AccountId, NodeId
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("project_files")


async def put(connection: Connection, node: NodeId, account: AccountId, digest: str) -> bool:
    """Gives a file content that an account has uploaded; False when it has uploaded none such."""
    found = await connection.fetchval(SQL.put, node, account, bytes.fromhex(digest))
    return found is not None
