"""Apps and versions as the hot path reads them."""

from collections.abc import Sequence

import asyncpg

from broker.protocol.ids import AppId, VersionId
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("catalogue")


async def app(connection: Connection, app_id: AppId) -> asyncpg.Record | None:
    """An app: handle, state, isolation."""
    return await connection.fetchrow(SQL.app, app_id)


async def version(
    connection: Connection, app_id: AppId, number: int | None
) -> asyncpg.Record | None:
    """A version by number, or the newest published one."""
    return await connection.fetchrow(SQL.version, app_id, number)


async def run_draft(connection: Connection, version: VersionId, spec: str) -> bool:
    """Has a draft keep its spec from now on; False if that is not the one that was read."""
    return await connection.fetchval(SQL.run_draft, version, spec) is not None


async def specs(connection: Connection, versions: Sequence[VersionId]) -> dict[VersionId, str]:
    """The specs of versions, as JSON text."""
    return {VersionId(v): spec for v, spec in await connection.fetch(SQL.spec, versions)}
