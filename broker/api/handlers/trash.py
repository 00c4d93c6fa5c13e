"""The trash: what is put there, taken out again, or removed for good."""

from functools import partial

from broker.api.call import PageQuery
from broker.api.plain import Plain, acting, deleting, searching
from broker.domain.access import Action
from broker.protocol.base import Page
from broker.protocol.nodes import Node
from broker.services.projects import trash


class TrashQuery(PageQuery):
    """The query of the trash."""

    project: str | None = None
    """Only of this project or workspace: handle or id."""


A = Action
ONE = "/v1/nodes/{node}"
plain = Plain(__name__)
ROUTES = [
    plain.route(
        "GET",
        "/v1/trash",
        searching(lambda query: partial(trash.page, project=query.project), TrashQuery, Page[Node]),
        A.TRASH_LIST,
        "Lists what was put into the trash and the caller may remove for good, newest first.",
    ),
    plain.route(
        "POST",
        f"{ONE}:trash",
        acting(trash.put, Node),
        A.NODE_DELETE,
        "Puts a node, with everything below it, into the trash: nobody sees it there.",
    ),
    plain.route(
        "POST",
        f"{ONE}:untrash",
        acting(trash.take, Node),
        A.NODE_DELETE,
        "Takes a node, with everything that went there with it, out of the trash.",
    ),
    plain.route(
        "POST",
        f"{ONE}:purge",
        deleting(trash.purge),
        A.PURGE,
        "Removes what lies in the trash, with everything below it, for good.",
    ),
]
