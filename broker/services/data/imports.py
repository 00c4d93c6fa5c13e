"""Import: existing data of a data root becomes files of a project; a right of its own (C3, C4).

A file refers to its place and holds no bytes. The broker does not see the disk: it neither lists a
root nor checks that a path is there.
"""

from collections.abc import Sequence

from broker.domain import data_paths
from broker.domain.access import ABSENT, Action, Resource, compound
from broker.domain.access.compound import Refusal
from broker.domain.access.world import DataRoot
from broker.domain.data_paths import PathInvalid
from broker.errors import FieldError, InvalidInput, NameTaken
from broker.protocol.ids import NodeId, parse
from broker.protocol.imports import Imported, ImportedFile, ImportRequest
from broker.protocol.nodes import Kind
from broker.services.data.bindings import project_of
from broker.services.requests.actor import Actor
from broker.services.requests.references import absent, find_node
from broker.services.requests.refusals import refuse
from broker.storage import imports, nodes
from broker.storage.database import Connection

GONE = DataRoot(uid=0, gid=0, public=False, import_enabled=False)


async def create(
    connection: Connection, actor: Actor, project: str, request: ImportRequest
) -> Imported:
    """Registers places below a data root as files of a project.

    Raises:
        InvalidInput: a path that is none, a root or folder that is not there or not to be seen.
        Forbidden: the caller may not import from the root, or not into the project.
        NameTaken: a sibling has the name of one of them.
    """
    where = project_of(actor, project)
    parent = _folder(actor, where, request.folder)
    root = find_node(actor.world, Kind.DATA_ROOT, request.root, "/root")
    _require(actor, where, parent, root, request)
    assert root is not None, "nobody imports from what is absent"
    places = _places(request.paths)
    if await nodes.find(connection, root) is None:  # locks it
        raise InvalidInput.of("/root", absent("data root", request.root).message)
    made = await imports.create(connection, parent, actor.account_id, root, places)
    if len(made) < len(places):
        names = {file.name for file in made}
        taken = [
            FieldError(f"/paths/{index}", f"there is a file {name!r}")
            for index, (name, _) in enumerate(places)
            if name not in names
        ]
        raise NameTaken(f"{taken[0].pointer}: {taken[0].detail}", errors=taken)
    return Imported(items=made)


async def page(
    connection: Connection, actor: Actor, project: str, *, before: int, rows_max: int
) -> list[ImportedFile]:
    """Imported files of a project that the caller may view, newest first."""
    where = project_of(actor, project)
    visible = actor.world.visible(actor.principal, Action.FILE_VIEW)
    seen = None if visible.everything else list(visible.benefactors)
    return await imports.page(connection, where, seen, before=before, rows_max=rows_max)


async def remove(connection: Connection, actor: Actor, project: str, file: str) -> None:
    """Takes an imported file from a project (T17); what it refers to stays as it is.

    Raises:
        NotFound: there is none, or it is not the caller's to see.
        Forbidden: the caller may not delete data there.
    """
    where = project_of(actor.to(Action.PROJECT_VIEW), project)
    number = NodeId(parse("file", file, "{file}"))
    found = await imports.find(connection, where, number)
    what = ABSENT
    if found is not None:
        acl = actor.world.acl_of(found.benefactor_id)
        what = Resource(Kind.FILE, acl, found.created_by)
    actor.require(what, ids=(file[:80],))
    await imports.remove(connection, number)


def _require(
    actor: Actor, project: NodeId, parent: NodeId, root: NodeId | None, request: ImportRequest
) -> None:
    """Beyond the project: import from the root, upload to where it goes, the root bound."""
    world, who = actor.world, actor.principal
    what = ABSENT if root is None else world.node(root)
    facts = world.roots.get(root, GONE) if root is not None else GONE
    found = list(
        compound.import_from(
            who,
            what,
            root_enabled=facts.import_enabled,
            project_enabled=project not in world.imports_off,
        )
    )
    if not found and root is not None and world.bound(project, root) is None:
        found.append(Refusal("/root", "the data root is not bound to the project"))
    if not actor.could(Action.FILE_UPLOAD, world.node(parent)):
        found.append(Refusal("", "importing needs `file.upload` where the files will lie"))
    if found:
        refuse(found, {"/root": ("data root", request.root)})


def _folder(actor: Actor, project: NodeId, reference: str | None) -> NodeId:
    """Where the files will lie.

    Raises:
        InvalidInput: no folder of the project that the caller may see.
    """
    if reference is None:
        return project
    world = actor.world
    folder = NodeId(parse("folder", reference, "/folder"))
    node = world.nodes.get(folder)
    fits = node is not None and node.kind is Kind.FOLDER and node.project_id == project
    if not (fits and actor.could(Action.FOLDER_VIEW, world.node(folder))):
        raise InvalidInput.of("/folder", f"the project has no folder {reference[:80]!r}")
    return folder


def _places(paths: Sequence[str]) -> list[tuple[str, str]]:
    """(name, path) of each, every name another one.

    Raises:
        InvalidInput: naming each bad path.
    """
    errors: list[FieldError] = []
    places: dict[str, str] = {}
    for index, path in enumerate(paths):
        name = path.rpartition("/")[2]
        try:
            data_paths.relative(path)
        except PathInvalid as error:
            errors.append(FieldError(f"/paths/{index}", str(error)))
            continue
        if name in places:
            errors.append(FieldError(f"/paths/{index}", f"another path has the name {name!r}"))
        places[name] = path
    if errors:
        raise InvalidInput(f"{errors[0].pointer}: {errors[0].detail}", errors=errors[:100])
    return list(places.items())
