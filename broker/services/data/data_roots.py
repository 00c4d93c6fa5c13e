"""Data roots: registered by managers, shown to those who hold a role on them.

The broker never looks at the disk: a root is a path, the execution account under which jobs use it
(C5), and an access list of its own.
"""

from broker.domain import data_paths
from broker.domain.access import Action, Resource
from broker.domain.data_paths import PathInvalid
from broker.errors import Conflict, InvalidInput, NameTaken, PreconditionFailed
from broker.protocol.data_roots import DataRoot, DataRootChange, DataRootRequest
from broker.protocol.ids import NodeId, show
from broker.protocol.nodes import DEPLOYMENT, Kind
from broker.services.projects import sharing
from broker.services.requests.actor import Actor
from broker.services.requests.entity_tags import matches, tag_of
from broker.services.requests.references import absent, authorised_node
from broker.storage import data_roots, nodes
from broker.storage.data_roots import Settings
from broker.storage.database import Connection

JUST_ROOTS = frozenset({Kind.DATA_ROOT})


async def create(connection: Connection, actor: Actor, request: DataRootRequest) -> DataRoot:
    """A new data root with the access list that the request gives it.

    Raises:
        NameTaken: the handle is in use.
        InvalidInput, Forbidden: a path that is none, or that overlaps with another root's; an
            entry that the caller cannot give.
    """
    actor.require()
    settings = Settings(
        request.title,
        request.path,
        request.uid,
        request.gid,
        request.public,
        request.import_enabled,
    )
    settings = await _checked(connection, None, settings)
    entries = await sharing.entries_of(connection, request.entries)
    new = Resource(Kind.DATA_ROOT, created_by=actor.account_id)
    sharing.check(actor, new, entries, reference=request.name)
    root = await nodes.create(
        connection, Kind.DATA_ROOT, DEPLOYMENT, request.name, actor.account_id
    )
    if root is None:
        raise NameTaken(f"the name {request.name!r} is taken")
    await data_roots.create(connection, root, settings)
    await nodes.replace_acl(connection, root, entries)
    return await _of(connection, root)


async def view(connection: Connection, actor: Actor, reference: str) -> DataRoot:
    """One data root.

    Raises:
        NotFound: there is none, or it is not the caller's to see.
    """
    return await _of(connection, authorised_node(actor, Kind.DATA_ROOT, reference, "{root}"))


async def page(
    connection: Connection, actor: Actor, *, before: int, rows_max: int
) -> list[DataRoot]:
    """Data roots that the caller may view, newest first (C1)."""
    actor.require()
    visible = actor.world.visible(actor.principal, Action.DATA_VIEW)
    seen = None if visible.everything else actor.world.inheriting(visible.benefactors, JUST_ROOTS)
    return await data_roots.page(connection, seen, before=before, rows_max=rows_max)


def etag(root: DataRoot) -> str:
    """The entity tag: of what people edit."""
    return tag_of(
        root.id, root.title, root.path, root.uid, root.gid, root.public, root.import_enabled
    )


async def change(
    connection: Connection,
    actor: Actor,
    reference: str,
    request: DataRootChange,
    *,
    if_match: frozenset[str],
) -> DataRoot:
    """Changes the fields that the request names; jobs that are leased later see them.

    Raises:
        PreconditionFailed: somebody else changed the root since.
        InvalidInput: a path that is none, or that overlaps with another root's.
    """
    root = authorised_node(actor, Kind.DATA_ROOT, reference, "{root}")
    await data_roots.lock(connection)
    now = await _of(connection, root)
    if not matches(if_match, etag(now)):
        raise PreconditionFailed(
            "the data root was changed since you read it; read it again", ids=(reference,)
        )
    given = {field: value for field, value in request if value is not None}
    to_be = now.model_copy(update=given)
    settings = Settings(
        to_be.title, to_be.path, to_be.uid, to_be.gid, to_be.public, to_be.import_enabled
    )
    await data_roots.change(connection, root, await _checked(connection, root, settings))
    return await _of(connection, root)


async def delete(connection: Connection, actor: Actor, reference: str) -> None:
    """Forgets a data root; its files stay as they are.

    Raises:
        Conflict: projects, files, or batches that have not ended refer to it.
    """
    root = authorised_node(actor, Kind.DATA_ROOT, reference, "{root}")
    await data_roots.lock(connection)
    uses = await data_roots.uses(connection, root)
    if any(uses):
        raise Conflict(
            f"the data root is bound to {uses.bindings} projects, {uses.files} files refer to it, "
            f"and {uses.batches} batches use it; take these away first",
            ids=(show("root", root),),
        )
    if not await data_roots.delete(connection, root):
        raise Conflict("something else refers to it since a moment ago", ids=(reference,))


async def _checked(connection: Connection, root: NodeId | None, wanted: Settings) -> Settings:
    """The settings with their path normalised. Two roots overlap only under one uid and gid, else
    one lab's root would lead into another's (C3).

    Args:
        root: which is changed; None for a new one.
    """
    try:
        path = data_paths.host_path(wanted.path)
    except PathInvalid as error:
        raise InvalidInput.of("/path", str(error)) from None
    await data_roots.lock(connection)
    for other in await data_roots.places(connection):
        same = (other.uid, other.gid) == (wanted.uid, wanted.gid)
        if other.id != root and not same and data_paths.overlap(path, other.path):
            detail = f"overlaps with {show('root', other.id)} of another uid or gid"
            raise InvalidInput.of("/path", detail)
    return Settings(
        wanted.title, path, wanted.uid, wanted.gid, wanted.public, wanted.import_enabled
    )


async def _of(connection: Connection, root: NodeId) -> DataRoot:
    found = await data_roots.find(connection, root)
    if found is None:  # deleted a moment ago
        raise absent("data root", show("root", root))
    return found
