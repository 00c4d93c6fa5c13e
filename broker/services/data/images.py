"""Images: a catalogue kept by managers, from which everybody copies paths (T13)."""

from broker.domain.access import Acl, Action, Resource, mask
from broker.errors import Conflict, NameTaken, PreconditionFailed
from broker.protocol.ids import NodeId, show
from broker.protocol.images import Image, ImageChange, ImageRequest
from broker.protocol.nodes import DEPLOYMENT, REGISTERED, Kind, Role
from broker.services.projects import sharing
from broker.services.requests.actor import Actor
from broker.services.requests.entity_tags import matches, tag_of
from broker.services.requests.references import absent, authorised_node
from broker.storage import images, nodes
from broker.storage.database import Connection

JUST_IMAGES = frozenset({Kind.IMAGE})
SHOWN_TO_ALL: Acl = {REGISTERED: mask([Role.READER])}


async def create(connection: Connection, actor: Actor, request: ImageRequest) -> Image:
    """A new entry, shown to every registered user unless the request says otherwise.

    Raises:
        NameTaken: the handle is in use.
        InvalidInput, Forbidden: an entry that the caller cannot give.
    """
    actor.require()
    entries = SHOWN_TO_ALL
    if request.entries is not None:
        entries = await sharing.entries_of(connection, request.entries)
    new = Resource(Kind.IMAGE, created_by=actor.account_id)
    sharing.check(actor, new, entries, reference=request.name)
    image = await nodes.create(connection, Kind.IMAGE, DEPLOYMENT, request.name, actor.account_id)
    if image is None:
        raise NameTaken(f"the name {request.name!r} is taken")
    await images.create(connection, image, request.path, request.digest, request.categories)
    await nodes.replace_acl(connection, image, entries)
    return await _of(connection, image)


async def view(connection: Connection, actor: Actor, reference: str) -> Image:
    """One image.

    Raises:
        NotFound: there is none, or it is not the caller's to see.
    """
    return await _of(connection, authorised_node(actor, Kind.IMAGE, reference, "{image}"))


async def page(
    connection: Connection, actor: Actor, *, category: str | None, before: int, rows_max: int
) -> list[Image]:
    """Images that the caller may view, newest first."""
    actor.require()
    visible = actor.world.visible(actor.principal, Action.IMAGE_VIEW)
    seen = None if visible.everything else actor.world.inheriting(visible.benefactors, JUST_IMAGES)
    return await images.page(connection, seen, before=before, rows_max=rows_max, category=category)


def etag(image: Image) -> str:
    """The entity tag: of what people edit."""
    return tag_of(image.id, image.path, image.digest, image.categories)


async def change(
    connection: Connection,
    actor: Actor,
    reference: str,
    request: ImageChange,
    *,
    if_match: frozenset[str],
) -> Image:
    """Changes or categorises an image; versions that were published keep what they had.

    Raises:
        PreconditionFailed: somebody else changed it since.
    """
    image = authorised_node(actor, Kind.IMAGE, reference, "{image}")
    await nodes.find(connection, image)  # changes of one image go one after the other
    now = await _of(connection, image)
    if not matches(if_match, etag(now)):
        raise PreconditionFailed(
            "the image was changed since you read it; read it again", ids=(reference,)
        )
    given = {field: value for field, value in request if value is not None}
    to_be = now.model_copy(update=given)
    await images.change(connection, image, to_be.path, to_be.digest, to_be.categories)
    return await _of(connection, image)


async def delete(connection: Connection, actor: Actor, reference: str) -> None:
    """Removes an image from the catalogue.

    Raises:
        Conflict: app versions refer to it.
    """
    image = authorised_node(actor, Kind.IMAGE, reference, "{image}")
    await nodes.find(connection, image)
    if count := await images.versions(connection, image):
        raise Conflict(f"{count} app versions refer to the image", ids=(show("image", image),))
    if not await images.delete(connection, image):
        raise Conflict("something else refers to it since a moment ago", ids=(reference,))


async def _of(connection: Connection, image: NodeId) -> Image:
    found = await images.find(connection, image)
    if found is None:  # deleted a moment ago
        raise absent("image", show("image", image))
    return found
