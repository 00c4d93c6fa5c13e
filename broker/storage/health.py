"""What a health check reads."""

from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("health")


async def schema_digest(connection: Connection) -> str:
    """The digest of the schema.sql that made the tables."""
    return str(await connection.fetchval(SQL.schema_digest))
