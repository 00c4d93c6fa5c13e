"""Apps as people see them; `catalogue` reads them for the hot path."""

from collections.abc import Sequence

from broker.protocol.apps import App, AppRequest
from broker.protocol.ids import AppId, NodeId
from broker.protocol.nodes import DEPLOYMENT, Isolation
from broker.protocol.states import AppState
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("apps")


async def create(connection: Connection, app: AppId, place: NodeId, request: AppRequest) -> None:
    """The app of a node that was made for it; every account sees those of the deployment."""
    await connection.execute(SQL.create, app, request.title, request.description, request.isolation)
    if place == DEPLOYMENT:
        await connection.execute(SQL.show_to_registered, app)


async def find(connection: Connection, app: AppId) -> App | None:
    """An app, also one in the trash."""
    row = await connection.fetchrow(SQL.find, app)
    return App.model_validate(dict(row)) if row else None


async def page(
    connection: Connection,
    *,
    before: int,
    rows_max: int,
    among: Sequence[NodeId] | None,
    project: NodeId | None,
) -> list[App]:
    """Apps, newest first, without those in the trash.

    Args:
        among: only some; None for all.
        project: only those of a project or workspace; None for any.
    """
    rows = await connection.fetch(SQL.page, before, rows_max, among, project)
    return [App.model_validate(dict(row)) for row in rows]


async def lock(connection: Connection, app: AppId) -> AppState:
    """Holds an app and its versions still until the transaction ends; returns its state."""
    return AppState(await connection.fetchval(SQL.lock, app))


async def change(
    connection: Connection, app: AppId, title: str, description: str, isolation: Isolation
) -> None:
    """Replaces what people edit of an app."""
    await connection.execute(SQL.change, app, title, description, isolation)


async def deprecate(connection: Connection, app: AppId) -> None:
    """The app takes no new jobs from now on."""
    await connection.execute(SQL.deprecate, app)
