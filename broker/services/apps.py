"""Apps and their versions: made by admins, run by those who may submit."""

from typing import Any

from broker.domain import versions
from broker.domain.access import Action
from broker.domain.parameters import parameters_schema
from broker.domain.versions import VersionEvent
from broker.errors import Conflict, NameTaken, NotFound
from broker.protocol.apps import App, AppRequest, Version, VersionRequest
from broker.protocol.ids import AppId, NodeId, show
from broker.protocol.nodes import Kind
from broker.protocol.states import AppState, VersionState
from broker.services.actor import Actor
from broker.services.references import absent, resolve
from broker.storage import apps
from broker.storage.database import Connection

JUST_APPS = frozenset({Kind.APP})


async def create(connection: Connection, actor: Actor, request: AppRequest) -> App:
    """A new app without versions (B9).

    Raises:
        NameTaken: the handle is in use.
    """
    actor.require()
    app = await apps.create(connection, request, actor.account_id)
    if app is None:
        raise NameTaken(f"the name {request.name!r} is taken")
    return app


async def find(connection: Connection, reference: str) -> App:
    """An app by handle or by id; the caller authorises.

    Raises:
        InvalidInput: an id of another kind.
        NotFound: there is none.
    """
    name, number = resolve("app", reference, "{app}")
    app = await apps.find(connection, name, None if number is None else AppId(number))
    if app is None:
        raise absent("app", reference)
    return app


async def authorised(connection: Connection, actor: Actor, reference: str) -> App:
    """The app, once the policy allows the route's action on it.

    Raises:
        NotFound: there is none.
        Forbidden: the caller may not do this to it.
    """
    app = await find(connection, reference)
    actor.require(actor.world.node(NodeId(app.id)), ids=(show("app", app.id),))
    return app


async def page(connection: Connection, actor: Actor, *, before: int, rows_max: int) -> list[App]:
    """Apps that the caller may see, newest first."""
    actor.require()
    visible = actor.world.visible(actor.principal, Action.APP_VIEW)
    seen = None if visible.everything else actor.world.inheriting(visible.benefactors, JUST_APPS)
    return await apps.page(connection, before=before, rows_max=rows_max, among=seen)


async def deprecate(connection: Connection, actor: Actor, reference: str) -> App:
    """The app takes no new jobs from now on (B9); again is no error."""
    app = await authorised(connection, actor, reference)
    await apps.deprecate(connection, app.id)
    return app.model_copy(update={"state": AppState.DEPRECATED})


# -- versions -------------------------------------------------------------------------------


async def create_version(
    connection: Connection, actor: Actor, reference: str, request: VersionRequest
) -> Version:
    """A version with the next number, published or as a draft (B12).

    Raises:
        InvalidInput: a spec whose jobs could never run; each bad field is named.
        Conflict: the app is deprecated.
    """
    app = await authorised(connection, actor, reference)
    versions.check(request.spec)
    if await apps.lock(connection, app.id) is AppState.DEPRECATED:
        raise Conflict(f"the app {app.name} is deprecated and takes no new versions")
    state = VersionState.PUBLISHED if request.publish else VersionState.DRAFT
    return await apps.create_version(connection, app.id, state, request.spec, actor.account_id)


async def page_of_versions(
    connection: Connection, actor: Actor, reference: str, *, before: int, rows_max: int
) -> list[Version]:
    """Versions of an app, newest first; drafts only for its admins."""
    app = await authorised(connection, actor, reference)
    return await apps.page_of_versions(
        connection, app.id, before=before, rows_max=rows_max, drafts=_sees_drafts(actor, app.id)
    )


async def version(connection: Connection, actor: Actor, reference: str, number: int) -> Version:
    """A version; a draft only for admins of the app.

    Raises:
        NotFound: there is none, or it is not the caller's to see.
    """
    app = await authorised(connection, actor, reference)
    found = await apps.version(connection, app.id, number)
    hidden = found and found.state is VersionState.DRAFT and not _sees_drafts(actor, app.id)
    if found is None or hidden:
        raise NotFound(f"the app {app.name} has no version {number}", ids=(show("app", app.id),))
    return found


async def schema(
    connection: Connection, actor: Actor, reference: str, number: int
) -> dict[str, Any]:
    """The JSON Schema of a version's parameters."""
    return parameters_schema((await version(connection, actor, reference, number)).spec)


async def move_version(
    connection: Connection, actor: Actor, reference: str, number: int, event: VersionEvent
) -> Version:
    """Publishes or deprecates a version (B12); again is no error.

    Raises:
        Conflict: the event cannot happen in the version's state, or the app is deprecated.
    """
    app = await authorised(connection, actor, reference)
    app_state = await apps.lock(connection, app.id)
    found = await version(connection, actor, reference, number)
    state = versions.transition(found.state, event)
    if event is VersionEvent.PUBLISH and app_state is AppState.DEPRECATED:
        raise Conflict(f"the app {app.name} is deprecated; nothing of it can be published")
    await apps.set_version_state(connection, found.id, state)
    return found.model_copy(update={"state": state})


def _sees_drafts(actor: Actor, app: AppId) -> bool:
    return actor.could(Action.APP_VIEW_DRAFT, actor.world.node(NodeId(app)))
