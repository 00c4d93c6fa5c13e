"""What projects may use, and who may import; both are read from the world of rights."""

from broker.protocol.ids import AccountId, NodeId
from broker.protocol.nodes import Mode
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("bindings")


async def put(connection: Connection, project: NodeId, node: NodeId, mode: Mode) -> None:
    """Binds a data root or pool to a project, or changes how the project may use it."""
    await connection.execute(SQL.put, project, node, mode)


async def remove(connection: Connection, project: NodeId, node: NodeId) -> None:
    """Takes a data root or pool from a project."""
    await connection.execute(SQL.remove, project, node)


async def switch_project(connection: Connection, project: NodeId, *, enabled: bool) -> None:
    """Whether anybody imports into a project."""
    await connection.execute(SQL.switch_project, project, enabled)


async def switch_account(connection: Connection, account: AccountId, *, enabled: bool) -> None:
    """Whether an account imports."""
    await connection.execute(SQL.switch_account, account, enabled)
