"""Versions of apps as people see them; `catalogue` reads them for the hot path."""

import asyncpg
import orjson

from broker.protocol.apps import Version, VersionSpec
from broker.protocol.ids import AccountId, AppId, NodeId, VersionId
from broker.protocol.states import VersionState
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("versions")


async def create(
    connection: Connection,
    app: AppId,
    state: VersionState,
    spec: VersionSpec,
    image: NodeId | None,
    creator: AccountId,
) -> Version:
    """A version with the next number. Behind `apps.lock`."""
    text = spec.model_dump_json()
    row = await connection.fetchrow(SQL.create, app, state, text, creator, image)
    assert row is not None, "an aggregate without GROUP BY gives one row"
    return _version(row)


async def find(connection: Connection, app: AppId, number: int) -> Version | None:
    """A version by its number."""
    row = await connection.fetchrow(SQL.find, app, number)
    return _version(row) if row else None


async def page(
    connection: Connection, app: AppId, *, before: int, rows_max: int, drafts: bool
) -> list[Version]:
    """Versions of an app, newest first."""
    rows = await connection.fetch(SQL.page, app, before, rows_max, drafts)
    return [_version(row) for row in rows]


async def lock_unrun(connection: Connection, version: VersionId) -> bool:
    """Keeps a version from being run until the transaction ends; False if it has been already."""
    return bool(await connection.fetchval(SQL.lock_unrun, version))


async def set_spec(
    connection: Connection, version: VersionId, spec: VersionSpec, image: NodeId | None
) -> None:
    """Gives a draft another spec. Behind `lock_unrun`."""
    await connection.execute(SQL.set_spec, version, spec.model_dump_json(), image)


async def set_state(connection: Connection, version: VersionId, state: VersionState) -> Version:
    """Moves a version to a state."""
    row = await connection.fetchrow(SQL.set_state, version, state)
    assert row is not None, "versions are never removed"
    return _version(row)


def _version(row: asyncpg.Record) -> Version:
    return Version.model_validate({**dict(row), "spec": orjson.loads(row["spec"])})
