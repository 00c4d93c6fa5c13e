"""The audit log."""

from functools import partial

from aiohttp import web
from pydantic import AwareDatetime

from broker.api.call import Call, PageQuery, answer
from broker.api.plain import Plain, searching
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


async def verify(call: Call) -> web.Response:
    query = call.query(AuditAnchorQuery)
    return answer(await audit.verify(call.services.database, call.actor, query))


plain = Plain(__name__)
ROUTES = [
    plain.route(
        "GET",
        "/v1/audit/log",
        searching(
            lambda query: partial(
                audit.page,
                account=query.account,
                action=query.action,
                object=query.object,
                since=query.since,
                until=query.until,
            ),
            AuditQuery,
            Page[AuditEntry],
            "position",
        ),
        Action.AUDIT,
        "Lists what was changed and by whom, newest first.",
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
