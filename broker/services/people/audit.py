"""The audit log: every change leaves an entry in its own transaction; managers read it."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from broker.domain.access import Action
from broker.errors import InvalidInput
from broker.protocol.audit import AuditAnchorQuery, AuditCheck, AuditEntry
from broker.protocol.base import Content, Message
from broker.protocol.ids import AccountId, HostId, show
from broker.services.people import accounts
from broker.services.people.tokens import storable
from broker.services.requests.actor import Actor
from broker.storage import audit
from broker.storage.audit import Filter, NewEntry
from broker.storage.database import Connection, Database

# Work, not administration: batches and their jobs say themselves who made them and when.
UNTRACED: Final = frozenset(
    {Action.BATCH_SUBMIT, Action.BATCH_RERUN, Action.BLOB_UPLOAD, Action.LEASE_WORK}
)
BODY_BYTES_MAX = 16 * 2**10  # of a body that is written down whole
ENTRIES_PER_STRETCH = 20_000
# Fields of an answer that say what it is about.
NAMED: Final = frozenset(
    {"id", "account", "team", "group", "app", "project", "node", "version", "table"}
)
_ID = re.compile(r"[a-z_]+_\d+")


@dataclass(frozen=True, slots=True)
class Trace:
    """A request as the audit log tells it.

    Args:
        request: method and route.
        names: what the path names, by kind.
        body: what was asked for; None without a body.
    """

    request: str
    names: dict[str, str]
    body: Message | None
    status: int


async def record(
    connection: Connection, actor: Actor, trace: Trace, answer: Message | None
) -> None:
    """Writes down a change that was made in this transaction."""
    who = actor.principal
    named = [_named(kind, name) for kind, name in trace.names.items()]
    entry = NewEntry(
        who.account_id,
        who.host_id,
        who.token_id,
        str(actor.action),
        trace.request,
        list(dict.fromkeys([*actor.about, *named, *_ids(answer)])),
        _details(trace.body),
        trace.status,
    )
    await audit.append(connection, entry)


async def record_host(connection: Connection, account: AccountId, host: HostId) -> None:
    """Writes down that a host joined by an account's enrolment token."""
    request, objects = "POST /v1/hosts:enroll", [show("host", host)]
    entry = NewEntry(account, None, None, "host.enroll", request, objects, {}, 201)
    await audit.append(connection, entry)


async def record_admin(connection: Connection, account: AccountId) -> None:
    """Writes down that the command line of the server made a token of an admin."""
    objects = [show("account", account)]
    entry = NewEntry(None, None, None, "token.manage", "command line", objects, {}, 200)
    await audit.append(connection, entry)


async def page(
    connection: Connection,
    actor: Actor,
    *,
    account: str | None,
    action: str | None,
    object: str | None,
    since: datetime | None,
    until: datetime | None,
    before: int,
    rows_max: int,
) -> list[AuditEntry]:
    """Entries, newest first; every argument that is not None leaves some out.

    Raises:
        NotFound: there is no such account.
    """
    actor.require()
    of = None if account is None else (await accounts.find(connection, account)).id
    wanted = Filter(of, action, object, storable(since, "?since"), storable(until, "?until"))
    return await audit.page(connection, wanted, before=before, rows_max=rows_max)


async def verify(database: Database, actor: Actor, anchor: AuditAnchorQuery) -> AuditCheck:
    """Walks the whole chain. Everything is read as it was at one moment.

    Raises:
        InvalidInput: half of a noted entry.
    """
    actor.require()
    if (anchor.position is None) != (anchor.sha256 is None):
        raise InvalidInput.of("?sha256", "position and sha256 belong together")
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        head = await audit.head(connection)
        entries, broken, last = await _walk(connection)
        reason = None if broken is None else "it is not what was written, or one before it is gone"
        if broken is None and last != head:
            broken, reason = last[0] + 1, "the newest entries are gone"
        if broken is None and await audit.outside(connection):
            reason = "there are entries in no place of the chain"
        noted = anchor.position and await audit.digest(connection, anchor.position)
        if not reason and noted != anchor.sha256:
            broken, reason = anchor.position, "it is not the one that was noted"
    return AuditCheck(
        intact=reason is None,
        entries=entries,
        broken_at=broken,
        reason=reason,
        head_position=head[0],
        head_sha256=head[1].hex(),
    )


async def _walk(connection: Connection) -> tuple[int, int | None, tuple[int, bytes]]:
    """(entries, the first that does not fit, the last one)."""
    entries, last = 0, audit.START
    while True:
        found = await audit.stretch(connection, last, ENTRIES_PER_STRETCH)
        entries += found.entries
        if found.broken_at is not None or found.entries < ENTRIES_PER_STRETCH:
            return entries, found.broken_at, found.last
        last = found.last


def _named(kind: str, name: str) -> str:
    return name if _ID.fullmatch(name) else f"{kind}:{name}"


def _ids(answer: Message | None) -> list[str]:
    if answer is None:
        return []
    fields = answer.model_dump(mode="json", include=set(NAMED))
    return [value for value in fields.values() if isinstance(value, str) and _ID.fullmatch(value)]


def _details(body: Message | None) -> dict[str, Any]:
    if body is None:
        return {}
    text = body.model_dump_json(exclude_unset=True).encode()
    if isinstance(body, Content) or len(text) > BODY_BYTES_MAX:
        return {"body_sha256": hashlib.sha256(text).hexdigest(), "body_bytes": len(text)}
    return {"body": body.model_dump(mode="json", exclude_unset=True)}
