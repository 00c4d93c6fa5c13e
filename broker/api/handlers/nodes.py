"""Nodes of the tree, of any kind: shown, listed, made, renamed, moved."""

from aiohttp import web

from broker.api.call import CREATED, Call, PageQuery, answer, answer_page, page_bounds
from broker.api.route import Route
from broker.domain.access import Action
from broker.protocol.base import Page
from broker.protocol.nodes import FolderRequest, Kind, MoveRequest, Node, NodeChange
from broker.services.projects import moving, nodes


class ChildrenQuery(PageQuery):
    """The query of the list of what lies in a node."""

    kind: Kind | None = None
    """Only of this kind, e.g. `folder` or `file`; left out for all."""


async def show(call: Call) -> web.Response:
    async with call.services.database.connection() as connection:
        return answer(await nodes.show(connection, call.actor, call.path("node")))


async def children(call: Call) -> web.Response:
    query = call.query(ChildrenQuery)
    before, limit = page_bounds(query)
    async with call.services.database.connection() as connection:
        found = await nodes.children(
            connection,
            call.actor,
            call.path("node"),
            kind=query.kind,
            before=before,
            rows_max=limit,
        )
    return answer_page(found, limit)


async def create_folder(call: Call) -> web.Response:
    body = await call.body(FolderRequest)
    return await call.mutate(lambda c: nodes.create_folder(c, call.actor, body), CREATED)


async def rename(call: Call) -> web.Response:
    body, node = await call.body(NodeChange), call.path("node")
    return await call.mutate(lambda c: nodes.rename(c, call.actor, node, body))


async def move(call: Call) -> web.Response:
    body, node = await call.body(MoveRequest), call.path("node")
    return await call.mutate(lambda c: moving.move(c, call.actor, node, body))


A = Action
ONE = "/v1/nodes/{node}"
ROUTES = [
    Route(
        "POST",
        "/v1/folders",
        create_folder,
        A.FOLDER_CREATE,
        "Creates a folder in a project, a workspace or another folder.",
        body=FolderRequest,
        answer=Node,
        status=CREATED,
    ),
    Route(
        "GET",
        ONE,
        show,
        A.NODE_VIEW,
        "Shows a node of any kind, batches as well, with the node whose access list governs it.",
        answer=Node,
    ),
    Route(
        "GET",
        f"{ONE}/children",
        children,
        A.NODE_VIEW,
        "Lists what lies in a node, newest first; batches stand in `/v1/batches`.",
        query=ChildrenQuery,
        answer=Page[Node],
    ),
    Route(
        "PATCH",
        ONE,
        rename,
        A.NODE_EDIT,
        "Gives a folder, a file or a table another name.",
        body=NodeChange,
        answer=Node,
    ),
    Route(
        "POST",
        f"{ONE}:move",
        move,
        A.MOVE,
        "Moves a node with everything below it, or a batch, into a project, workspace or folder.",
        body=MoveRequest,
        answer=Node,
    ),
]
