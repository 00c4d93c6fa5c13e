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
from broker.domain.access import Action

Handler = Callable[[Call], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table.

    Args:
        policy: the action that the caller asks for, or one of the open policies.
        handler: parses, calls one use case, answers.
        summary: one sentence for the OpenAPI document.
        body: model of the JSON request body, or a media type for raw ones.
        answer: model of the JSON answer, or a media type; None for an empty one.
        query: model of the query string.
        status: status of success.
    """

    method: str
    path: str
    handler: Handler
    policy: Action | Open
    summary: str
    body: type[Any] | str | None = None
    answer: type[Any] | str | None = None
    query: type[Any] | None = None
    status: int = OK


def table() -> list[Route]:
    """Every route of the broker."""
    from broker.api.handlers import (
        accounts,
        apps,
        batches,
        hosts,
        jobs,
        leases,
        submission,
        system,
    )

    modules = (system, accounts, apps, submission, batches, jobs, leases, hosts)
    return [route for module in modules for route in module.ROUTES]
