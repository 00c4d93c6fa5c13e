"""The audit log."""

from aiohttp import web
from pydantic import AwareDatetime

from broker.api.call import Call, PageQuery, answer, answer_page, page_bounds
from broker.api.route import Route
from broker.domain.access import Action
from broker.protocol.audit import AuditAnchorQuery, AuditCheck, AuditEntry
from broker.protocol.base import Page, Title
from broker.services.people import audit


class AuditQuery(PageQuery):
    """The query of the audit log."""

    account: str | None = None
    """Only what this account did: its handle or id."""
    action: str | None = None
    """Only this action, e.g. `team.edit`."""
    object: Title | None = None
    """Only what names this object, e.g. `team_5` or `team:physics`."""
    since: AwareDatetime | None = None
    """Only from this moment on."""
    until: AwareDatetime | None = None
    """Only before this moment."""


async def page(call: Call) -> web.Response:
    query = call.query(AuditQuery)
    before, limit = page_bounds(query)
    async with call.services.database.connection() as connection:
        found = await audit.page(
            connection,
            call.actor,
            account=query.account,
            action=query.action,
            object=query.object,
            since=query.since,
            until=query.until,
            before=before,
            rows_max=limit,
        )
    return answer_page(found, limit, "position")


async def verify(call: Call) -> web.Response:
    query = call.query(AuditAnchorQuery)
    return answer(await audit.verify(call.services.database, call.actor, query))


ROUTES = [
    Route(
        "GET",
        "/v1/audit/log",
        page,
        Action.AUDIT,
        "Lists what was changed and by whom, newest first.",
        query=AuditQuery,
        answer=Page[AuditEntry],
    ),
    Route(
        "GET",
        "/v1/audit/log:verify",
        verify,
        Action.AUDIT,
        "Says whether the audit log is what was written.",
        query=AuditAnchorQuery,
        answer=AuditCheck,
    ),
]
