"""Nodes of the tree, of any kind: shown, listed, made, renamed, moved."""

from functools import partial

from broker.api.call import PageQuery
from broker.api.plain import Plain, creating, searching, showing, writing
from broker.domain.access import Action
from broker.protocol.base import Page
from broker.protocol.nodes import FolderRequest, Kind, MoveRequest, Node, NodeChange
from broker.services.projects import moving, nodes


class ChildrenQuery(PageQuery):
    """The query of the list of what lies in a node."""

    kind: Kind | None = None
    """Only of this kind, e.g. `folder` or `file`; left out for all."""


A = Action
ONE = "/v1/nodes/{node}"
plain = Plain(__name__)
ROUTES = [
    plain.route(
        "POST",
        "/v1/folders",
        creating(nodes.create_folder, FolderRequest, Node),
        A.FOLDER_CREATE,
        "Creates a folder in a project, a workspace or another folder.",
    ),
    plain.route(
        "GET",
        ONE,
        showing(nodes.show, Node),
        A.NODE_VIEW,
        "Shows a node of any kind, batches as well, with the node whose access list governs it.",
    ),
    plain.route(
        "GET",
        f"{ONE}/children",
        searching(
            lambda query: partial(nodes.children, kind=query.kind), ChildrenQuery, Page[Node]
        ),
        A.NODE_VIEW,
        "Lists what lies in a node, newest first; batches stand in `/v1/batches`.",
        name="children",
    ),
    plain.route(
        "PATCH",
        ONE,
        writing(nodes.rename, NodeChange, Node),
        A.NODE_EDIT,
        "Gives a folder, a file or a table another name.",
    ),
    plain.route(
        "POST",
        f"{ONE}:move",
        writing(moving.move, MoveRequest, Node),
        A.MOVE,
        "Moves a node with everything below it, or a batch, into a project, workspace or folder.",
    ),
]
