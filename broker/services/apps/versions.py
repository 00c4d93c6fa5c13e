"""Versions of apps: drafts that are edited and tried, published ones that never change."""

from typing import Any

from broker.domain import versions as rules
from broker.domain.access import Action
from broker.domain.edits import changes
from broker.domain.parameters import parameters_schema
from broker.domain.versions import VersionEvent
from broker.errors import Conflict, NotFound, PreconditionFailed
from broker.protocol.apps import App, DraftChange, EditKind, Version, VersionRequest
from broker.protocol.ids import NodeId, show
from broker.protocol.states import AppState, VersionState
from broker.services.apps import version_images
from broker.services.apps.apps import authorised
from broker.services.requests.actor import Actor
from broker.services.requests.entity_tags import matches, tag_of
from broker.storage import app_edits, apps, versions
from broker.storage.database import Connection

EDIT_OF = {
    VersionEvent.PUBLISH: EditKind.VERSION_PUBLISHED,
    VersionEvent.DEPRECATE: EditKind.VERSION_DEPRECATED,
}


async def create(
    connection: Connection, actor: Actor, reference: str, request: VersionRequest
) -> Version:
    """A version with the next number, published or as a draft (B12, T6).

    Raises:
        InvalidInput: a spec whose jobs could never run; each bad field is named.
        Conflict: the app is deprecated.
    """
    app = await authorised(connection, actor, reference)
    rules.check(request.spec)
    if await apps.lock(connection, app.id) is AppState.DEPRECATED:
        raise Conflict(f"the app {app.handle} is deprecated and takes no new versions")
    state = VersionState.PUBLISHED if request.publish else VersionState.DRAFT
    spec, image = await version_images.resolved(connection, actor, request.spec)
    made = await versions.create(connection, app.id, state, spec, image, actor.account_id)
    await _note(connection, actor, EditKind.VERSION_CREATED, made)
    if request.publish:
        await _note(connection, actor, EditKind.VERSION_PUBLISHED, made)
    return made


async def page(
    connection: Connection, actor: Actor, reference: str, *, before: int, rows_max: int
) -> list[Version]:
    """Versions of an app, newest first; drafts only for its editors (T7, T8, T9)."""
    app = await authorised(connection, actor, reference)
    return await versions.page(
        connection, app.id, before=before, rows_max=rows_max, drafts=_sees_drafts(actor, app)
    )


async def show_one(connection: Connection, actor: Actor, reference: str, number: int) -> Version:
    """A version; a draft only for editors of the app.

    Raises:
        NotFound: there is none, or it is not the caller's to see.
    """
    return await _visible(connection, actor, await authorised(connection, actor, reference), number)


async def schema(
    connection: Connection, actor: Actor, reference: str, number: int
) -> dict[str, Any]:
    """The JSON Schema of a version's parameters."""
    return parameters_schema((await show_one(connection, actor, reference, number)).spec)


def etag(version: Version) -> str:
    """The entity tag: of what people edit only."""
    return tag_of(version.id, version.state, version.spec.model_dump_json())


async def change(
    connection: Connection,
    actor: Actor,
    reference: str,
    number: int,
    request: DraftChange,
    *,
    if_match: frozenset[str],
) -> Version:
    """Gives a draft another spec (T6).

    Raises:
        InvalidInput: a spec whose jobs could never run.
        PreconditionFailed: somebody else changed the draft since.
        Conflict: it is no draft any more, or has been run: what ran keeps its spec.
    """
    app = await authorised(connection, actor, reference)
    rules.check(request.spec)
    await apps.lock(connection, app.id)
    found = await _visible(connection, actor, app, number)
    ids = (show("app", app.id), show("version", found.id))
    if not matches(if_match, etag(found)):
        raise PreconditionFailed("the draft was changed since you read it; read it again", ids=ids)
    if found.state is not VersionState.DRAFT:
        raise Conflict(f"version {number} is {found.state} and never changes; add one", ids=ids)
    if not await versions.lock_unrun(connection, found.id):
        raise Conflict(f"version {number} has been run and keeps its spec; add another", ids=ids)
    spec, image = await version_images.resolved(connection, actor, request.spec)
    new = found.model_copy(update={"spec": spec})
    different = changes(
        found.spec.model_dump(mode="json"), new.spec.model_dump(mode="json"), "/spec"
    )
    if different:
        await versions.set_spec(connection, found.id, new.spec, image)
        await app_edits.note(
            connection,
            app.id,
            actor.account_id,
            EditKind.VERSION_CHANGED,
            number,
            different,
        )
    return new


async def move(
    connection: Connection, actor: Actor, reference: str, number: int, event: VersionEvent
) -> Version:
    """Publishes or deprecates a version (B12, T6); again is no error.

    Raises:
        Conflict: the event cannot happen in the version's state, or the app is deprecated.
    """
    app = await authorised(connection, actor, reference)
    app_state = await apps.lock(connection, app.id)
    found = await _visible(connection, actor, app, number)
    state = rules.transition(found.state, event)
    if event is VersionEvent.PUBLISH and app_state is AppState.DEPRECATED:
        raise Conflict(f"the app {app.handle} is deprecated; nothing of it can be published")
    if state is found.state:
        return found
    if event is VersionEvent.PUBLISH and await versions.lock_unrun(connection, found.id):
        # its image may have changed in the catalogue; what was tried keeps what it was tried with
        spec, image = await version_images.resolved(connection, actor, found.spec)
        await versions.set_spec(connection, found.id, spec, image)
    moved = await versions.set_state(connection, found.id, state)
    await _note(connection, actor, EDIT_OF[event], moved)
    return moved


async def _visible(connection: Connection, actor: Actor, app: App, number: int) -> Version:
    found = await versions.find(connection, app.id, number)
    hidden = found and found.state is VersionState.DRAFT and not _sees_drafts(actor, app)
    if found is None or hidden:
        raise NotFound(f"the app {app.handle} has no version {number}", ids=(show("app", app.id),))
    return found


def _sees_drafts(actor: Actor, app: App) -> bool:
    return actor.could(Action.APP_VIEW_DRAFT, actor.world.node(NodeId(app.id)))


async def _note(connection: Connection, actor: Actor, kind: EditKind, version: Version) -> None:
    await app_edits.note(connection, version.app, actor.account_id, kind, version.number, [])
