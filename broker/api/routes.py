"""The map of the API: every route with its handler, its policy and its messages.

Adding a route: a message in `broker.protocol`, a use case in `broker.services`, a handler in
`broker.api.handlers`, and a row in the handler file's ROUTES. A row without a policy cannot be
written, and `build_app` refuses a table in which two rows collide.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from broker.api.call import OK, Call, Open
from broker.domain.access import READS, Action
from broker.services.audit import UNTRACED

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
        etag: answers carry an ETag, and a change honours If-Match.
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

    @property
    def leaves_a_trace(self) -> bool:
        """Whether it changes something that the audit log tells."""
        policy = self.policy
        unsafe = isinstance(policy, Action) and policy not in READS and policy not in UNTRACED
        return unsafe and self.method != "GET"


def table() -> list[Route]:
    """Every route of the broker."""
    from broker.api.handlers import (
        accounts,
        apps,
        audit,
        batches,
        contributions,
        data_roots,
        documents,
        groups,
        hosts,
        images,
        imports,
        jobs,
        leases,
        nodes,
        openings,
        pools,
        project_files,
        projects,
        quotas,
        sharing,
        streams,
        submission,
        system,
        tables,
        teams,
        tokens,
        trash,
        unix_accounts,
        versions,
        who_can,
    )

    modules = (
        accounts,
        tokens,
        unix_accounts,
        quotas,
        contributions,
        groups,
        teams,
        projects,
        nodes,
        project_files,
        sharing,
        trash,
        who_can,
        apps,
        versions,
        tables,
        submission,
        batches,
        openings,
        jobs,
        streams,
        hosts,
        pools,
        data_roots,
        imports,
        images,
        leases,
        audit,
        system,
        documents,
    )
    return [route for module in modules for route in module.ROUTES]
