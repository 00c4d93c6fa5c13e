"""Apps and versions as people see them; `catalogue` reads them for the hot path."""

from collections.abc import Sequence

import asyncpg
import orjson

from broker.protocol.apps import App, AppRequest, Version, VersionSpec
from broker.protocol.ids import AccountId, AppId, NodeId, VersionId
from broker.protocol.states import AppState, VersionState
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("apps")


async def create(connection: Connection, request: AppRequest, creator: AccountId) -> App | None:
    """A new app, or None when the name is taken."""
    row = await connection.fetchrow(
        SQL.create, request.name, request.title, request.description, creator
    )
    return App.model_validate(dict(row)) if row else None


async def find(connection: Connection, name: str | None, app_id: AppId | None) -> App | None:
    """An app by name or by id."""
    row = await connection.fetchrow(SQL.find, name, app_id)
    return App.model_validate(dict(row)) if row else None


async def page(
    connection: Connection, *, before: int, rows_max: int, among: Sequence[NodeId] | None
) -> list[App]:
    """Apps, newest first; all for None, else only some."""
    rows = await connection.fetch(SQL.page, before, rows_max, among)
    return [App.model_validate(dict(row)) for row in rows]


async def lock(connection: Connection, app: AppId) -> AppState:
    """Holds an app and its versions still until the transaction ends; returns its state."""
    return AppState(await connection.fetchval(SQL.lock, app))


async def deprecate(connection: Connection, app: AppId) -> None:
    """The app takes no new jobs from now on."""
    await connection.execute(SQL.deprecate, app)


async def create_version(
    connection: Connection,
    app: AppId,
    state: VersionState,
    spec: VersionSpec,
    creator: AccountId,
) -> Version:
    """A version with the next number. Behind `lock`."""
    row = await connection.fetchrow(SQL.create_version, app, state, spec.model_dump_json(), creator)
    assert row is not None, "an aggregate without GROUP BY gives one row"
    return _version(row)


async def version(connection: Connection, app: AppId, number: int) -> Version | None:
    """A version by its number."""
    row = await connection.fetchrow(SQL.version, app, number)
    return _version(row) if row else None


async def page_of_versions(
    connection: Connection, app: AppId, *, before: int, rows_max: int, drafts: bool
) -> list[Version]:
    """Versions of an app, newest first."""
    rows = await connection.fetch(SQL.page_of_versions, app, before, rows_max, drafts)
    return [_version(row) for row in rows]


async def set_version_state(
    connection: Connection, version: VersionId, state: VersionState
) -> None:
    """Moves a version to a state."""
    await connection.execute(SQL.set_version_state, version, state)


def _version(row: asyncpg.Record) -> Version:
    return Version.model_validate({**dict(row), "spec": orjson.loads(row["spec"])})
