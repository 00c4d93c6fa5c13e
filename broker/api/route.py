"""One row of the route table: what is asked, by whom it may be asked, and who answers."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from broker.api.call import OK, Call, Open
from broker.domain.access import READS, Action
from broker.services.people.audit import UNTRACED

Handler = Callable[[Call], Awaitable[web.StreamResponse]]
Content = type[Any] | str | tuple[type[Any] | str, ...] | None


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table.

    Args:
        policy: the action that the caller asks for, or one of the open policies.
        handler: parses, calls one use case, answers.
        summary: one sentence for the OpenAPI document.
        body: model of the JSON request body, or a media type for raw ones; several as a tuple.
        answer: likewise; None for an empty one.
        query: model of the query string.
        status: status of success.
        etag: answers carry an ETag.
        conditional: it is a change that honours If-Match.
    """

    method: str
    path: str
    handler: Handler
    policy: Action | Open
    summary: str
    body: Content = None
    answer: Content = None
    query: type[Any] | None = None
    status: int = OK
    etag: bool = False
    conditional: bool = False

    @property
    def leaves_a_trace(self) -> bool:
        """Whether it changes something that the audit log tells."""
        policy = self.policy
        unsafe = isinstance(policy, Action) and policy not in READS and policy not in UNTRACED
        return unsafe and self.method != "GET"


# The whole table, for handlers that speak of it: they stand in it themselves.
ROUTE_TABLE = web.AppKey("route_table", tuple[Route, ...])
