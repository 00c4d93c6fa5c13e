"""Who may do what, and why; and what is not governed by its project's list."""

from functools import partial

from aiohttp import web

from broker.api.call import Call, PageQuery, answer, answer_page, page_bounds
from broker.api.plain import Plain, searching
from broker.api.route import Route
from broker.domain.access import Action
from broker.protocol.base import Message, Page
from broker.protocol.nodes import Kind, Node
from broker.protocol.who_can import AccessExplanation, Holder
from broker.services.projects import benefactors, who_can


class WhoCanQuery(PageQuery):
    """The query of who-can."""

    action: str
    """What is done, e.g. `file.download`; [permissions.md](permissions.md) lists the actions."""
    node: str
    """To what: id of a node or batch, or handle of a project."""


class ExplainAccessQuery(Message):
    """The query of explain-access."""

    action: str
    """What is done, e.g. `file.download`."""
    node: str
    """To what: id of a node or batch, or handle of a project."""
    account: str | None = None
    """By whom: handle or id; left out for the caller."""


class BenefactorsQuery(PageQuery):
    """The query of the benefactor audit."""

    kind: Kind | None = None
    """Only of this kind, e.g. `folder`."""
    project: str | None = None
    """Only of this project or workspace: handle or id."""


async def page(call: Call) -> web.Response:
    query = call.query(WhoCanQuery)
    before, limit = page_bounds(query)
    async with call.services.database.connection() as connection:
        found = await who_can.page(
            connection, call.actor, query.action, query.node, before=before, rows_max=limit
        )
    return answer_page(found, limit, who_can.position)


async def explain(call: Call) -> web.Response:
    query = call.query(ExplainAccessQuery)
    async with call.services.database.connection() as connection:
        return answer(
            await who_can.explain(connection, call.actor, query.action, query.node, query.account)
        )


A = Action
plain = Plain(__name__)
ROUTES = [
    Route(
        "GET",
        "/v1/who-can",
        page,
        A.AUDIT,
        "Lists everybody who may do something to a node, and on which grounds.",
        query=WhoCanQuery,
        answer=Page[Holder],
    ),
    Route(
        "GET",
        "/v1/explain-access",
        explain,
        A.NODE_VIEW,
        "Says why the caller, or for those who audit the node another account, may or may not do "
        "something to it.",
        query=ExplainAccessQuery,
        answer=AccessExplanation,
    ),
    plain.route(
        "GET",
        "/v1/audit/benefactors",
        searching(
            lambda query: partial(benefactors.page, kind=query.kind, project=query.project),
            BenefactorsQuery,
            Page[Node],
        ),
        A.AUDIT_LIST,
        "Lists what an access list other than its project's governs, in projects that the caller "
        "audits.",
        name="page_of_benefactors",
    ),
]
