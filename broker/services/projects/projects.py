"""Projects: made by any account, seen by those on their lists; workspaces are shown among them."""

from broker.domain.access import Resource, mask
from broker.errors import InvalidInput, PreconditionFailed
from broker.protocol.ids import NodeId, PrincipalId
from broker.protocol.nodes import DEPLOYMENT, Kind, Role
from broker.protocol.projects import Project, ProjectChange, ProjectRequest
from broker.services.projects import nodes as tree
from broker.services.projects import sharing
from broker.services.projects.nodes import Item
from broker.services.requests.actor import Actor
from broker.services.requests.entity_tags import matches, tag_of
from broker.storage import nodes, projects
from broker.storage.database import Connection

PROJECTS = frozenset({Kind.PROJECT, Kind.WORKSPACE})


async def create(connection: Connection, actor: Actor, request: ProjectRequest) -> Project:
    """A new project of the caller, with whoever else is to hold something on it (T18).

    Raises:
        NameTaken: the handle is in use.
        InvalidInput, Forbidden: an entry that the caller cannot give; each is named.
    """
    actor.require()
    creator, owner = actor.account_id, mask([Role.OWNER])
    entries = await sharing.entries_of(connection, request.entries)
    entries[PrincipalId(creator)] = entries.get(PrincipalId(creator), 0) | owner
    fresh = Resource(Kind.PROJECT, {PrincipalId(creator): owner}, creator)
    sharing.check(actor, fresh, entries, reference=request.name)
    node = await nodes.create(connection, Kind.PROJECT, DEPLOYMENT, request.name, creator)
    if node is None:
        raise tree.taken(Kind.PROJECT, request.name)
    await projects.create(connection, node, request.title, request.description)
    await nodes.replace_acl(connection, node, entries)
    return await _view(connection, node)


async def page(
    connection: Connection,
    actor: Actor,
    *,
    kind: Kind | None,
    before: int,
    rows_max: int,
) -> list[Project]:
    """Projects and workspaces that the caller may see, newest first (T12)."""
    visible = actor.seen()
    seen = None
    if not visible.everything:
        seen = actor.world.inheriting(visible.benefactors, PROJECTS)
    return await projects.page(connection, before=before, rows_max=rows_max, among=seen, kind=kind)


async def show(connection: Connection, actor: Actor, reference: str) -> Project:
    """One project or workspace."""
    item = await _authorised(connection, actor, reference)
    return await _view(connection, item.id)


def etag(project: Project) -> str:
    """The entity tag: of what people edit."""
    return tag_of(project.id, project.name, project.title, project.description)


async def change(
    connection: Connection,
    actor: Actor,
    reference: str,
    request: ProjectChange,
    *,
    if_match: frozenset[str],
) -> Project:
    """Changes the fields that the request names.

    Raises:
        PreconditionFailed: somebody else changed the project since.
        NameTaken: the new handle is in use.
        InvalidInput: a new name for a workspace.
    """
    await _authorised(connection, actor, reference)
    item = await tree.held(connection, actor, reference)
    now = await _view(connection, item.id)
    if not matches(if_match, etag(now)):
        raise PreconditionFailed(
            "the project was changed since you read it; read it again", ids=(item.reference,)
        )
    if request.name not in (None, now.name):
        await _rename(connection, item, str(request.name))
    title = now.title if request.title is None else request.title
    description = now.description if request.description is None else request.description
    await projects.change(connection, item.id, title, description)
    return await _view(connection, item.id)


async def _rename(connection: Connection, item: Item, name: str) -> None:
    if item.kind is Kind.WORKSPACE:
        raise InvalidInput.of("/name", "a workspace keeps the name of its account")
    if not await nodes.rename(connection, item.id, name):
        raise tree.taken(item.kind, name)


async def _authorised(connection: Connection, actor: Actor, reference: str) -> Item:
    """A project or workspace; anything else is none.

    Raises:
        NotFound: it is not there, or not to be seen.
        Forbidden: the caller may not do this to it.
    """
    item = await tree.find(connection, actor, reference, "{project}")
    tree.require(actor, item)
    if item.kind not in PROJECTS:
        raise InvalidInput.of("{project}", f"{item.reference} is a {item.kind}")
    return item


async def _view(connection: Connection, node: NodeId) -> Project:
    (found,) = await projects.views(connection, [node])
    return found
