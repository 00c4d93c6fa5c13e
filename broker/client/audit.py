"""The audit log."""

from collections.abc import AsyncGenerator
from datetime import datetime

from broker.client.pages import listing
from broker.client.transport import Query, Ref, Transport, ref
from broker.protocol.audit import AuditCheck, AuditEntry
from broker.protocol.base import Page


async def read_audit_log(
    http: Transport,
    *,
    account: Ref | None = None,
    action: str | None = None,
    object: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
) -> AsyncGenerator[AuditEntry, None]:
    """What was changed and by whom, newest first; for admins."""
    query: Query = {
        "account": None if account is None else ref("account", account),
        "action": action,
        "object": object,
        "since": since.isoformat() if since else None,
        "until": until.isoformat() if until else None,
    }
    pages = listing(http, "/v1/audit/log", Page[AuditEntry], query=query, limit=limit)
    async for item in pages:
        yield item


async def verify_audit_log(
    http: Transport, *, position: int | None = None, sha256: str | None = None
) -> AuditCheck:
    """Whether the audit log is what was written; give an entry noted earlier to compare it, too."""
    query: Query = {"position": position, "sha256": sha256}
    return await http.call("GET", "/v1/audit/log:verify", AuditCheck, query=query)
