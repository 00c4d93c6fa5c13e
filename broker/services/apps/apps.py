"""Apps: made by admins for everybody, or by editors in their projects; changed and deleted."""

from broker.domain.access import Action
from broker.domain.edits import changes
from broker.errors import Forbidden, NameTaken, PreconditionFailed
from broker.protocol.apps import App, AppChange, AppRequest, Edit, EditKind
from broker.protocol.ids import AppId, NodeId, show
from broker.protocol.nodes import DEPLOYMENT, Kind
from broker.protocol.states import AppState
from broker.services.projects import places
from broker.services.requests.actor import Actor
from broker.services.requests.entity_tags import matches, tag_of
from broker.services.requests.references import authorised_node
from broker.storage import app_edits, apps, nodes, trash
from broker.storage.database import Connection

JUST_APPS = frozenset({Kind.APP})


async def create(
    connection: Connection, actor: Actor, request: AppRequest, *, in_projects: bool
) -> App:
    """A new app without versions: of the deployment (B9), or in a project (T6).

    Args:
        in_projects: whether editors may create apps in their projects, workspaces and folders.

    Raises:
        NameTaken: the handle is in use where the app would lie.
        InvalidInput: there is no such place, or it is not to be seen.
    """
    place = places.required(actor, Kind.APP, request.project)
    if place != DEPLOYMENT and not (in_projects or actor.could(Action.APP_CREATE)):
        raise Forbidden("apps in projects are switched off here; only admins create apps")
    node = await nodes.create(connection, Kind.APP, place, request.name, actor.account_id)
    if node is None:
        raise NameTaken(f"the name {request.name!r} is taken")
    app = AppId(node)
    await apps.create(connection, app, place, request)
    await app_edits.note(connection, app, actor.account_id, EditKind.CREATED, None, [])
    return await _of(connection, app)


async def authorised(connection: Connection, actor: Actor, reference: str) -> App:
    """The app that a handle or id names, once the policy allows the route's action on it.

    Raises:
        InvalidInput: an id of another kind.
        NotFound: there is none, or it is not the caller's to see; the answers are the same.
        Forbidden: the caller may not do this to it.
    """
    return await _of(connection, AppId(authorised_node(actor, Kind.APP, reference, "{app}")))


async def page(
    connection: Connection, actor: Actor, *, project: str | None, before: int, rows_max: int
) -> list[App]:
    """Apps that the caller may see, newest first.

    Raises:
        NotFound: there is no such project, or it is not to be seen.
    """
    actor.require()
    visible = actor.world.visible(actor.principal, Action.APP_VIEW)
    seen = None if visible.everything else actor.world.inheriting(visible.benefactors, JUST_APPS)
    inside = places.filtered(actor, project)
    return await apps.page(connection, before=before, rows_max=rows_max, among=seen, project=inside)


def etag(app: App) -> str:
    """The entity tag: of what people edit only."""
    return tag_of(app.id, app.title, app.description, app.isolation)


async def change(
    connection: Connection,
    actor: Actor,
    reference: str,
    request: AppChange,
    *,
    if_match: frozenset[str],
) -> App:
    """Changes the fields that the request names. What was submitted keeps its isolation.

    Raises:
        PreconditionFailed: somebody else changed the app since.
        Forbidden: another isolation, by somebody who may not share the app.
    """
    app = await authorised(connection, actor, reference)
    await apps.lock(connection, app.id)
    app = await _of(connection, app.id)
    if not matches(if_match, etag(app)):
        raise PreconditionFailed(
            "the app was changed since you read it; read it again", ids=(show("app", app.id),)
        )
    given = request.model_dump(exclude_none=True)
    if given.get("isolation", app.isolation) != app.isolation:
        sharer = actor.to(Action.SHARE)
        sharer.require(actor.world.node(NodeId(app.id)), ids=(show("app", app.id),))
    new = app.model_copy(update=given)
    different = changes(app.model_dump(mode="json"), new.model_dump(mode="json"))
    if different:
        await apps.change(connection, app.id, new.title, new.description, new.isolation)
        await app_edits.note(
            connection, app.id, actor.account_id, EditKind.CHANGED, None, different
        )
    return new


async def deprecate(connection: Connection, actor: Actor, reference: str) -> App:
    """The app takes no new jobs from now on (B9); again is no error."""
    app = await authorised(connection, actor, reference)
    if await apps.lock(connection, app.id) is not AppState.DEPRECATED:
        await apps.deprecate(connection, app.id)
        await app_edits.note(connection, app.id, actor.account_id, EditKind.DEPRECATED, None, [])
    return app.model_copy(update={"state": AppState.DEPRECATED})


async def delete(connection: Connection, actor: Actor, reference: str) -> None:
    """Puts an app into the trash (T6): it takes no jobs; what was run with it stays."""
    app = await authorised(connection, actor, reference)
    await trash.put(connection, NodeId(app.id))
    await app_edits.note(connection, app.id, actor.account_id, EditKind.DELETED, None, [])


async def history(
    connection: Connection, actor: Actor, reference: str, *, before: int, rows_max: int
) -> list[Edit]:
    """Who changed what of an app and its versions, newest first (T9)."""
    app = await authorised(connection, actor, reference)
    return await app_edits.page(connection, app.id, before=before, rows_max=rows_max)


async def _of(connection: Connection, app: AppId) -> App:
    found = await apps.find(connection, app)
    assert found is not None, "the node of an app has one"
    return found
