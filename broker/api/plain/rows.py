"""The rows of the route table that plain handlers stand in."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from string import Formatter

from aiohttp import web

from broker.api.call import OK, Call, PageQuery
from broker.api.route import Content, Route
from broker.domain.access import Action
from broker.protocol.base import Message

Answering = Callable[[Call, Sequence[str]], Awaitable[web.Response]]
"""Answers a call, given the parts in braces of its path."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a plain route does: a maker makes it, and `Plain.route` gives it a place.

    Args:
        name: of the operation, where its row has no other.
        parts: how many parts of the path the use case takes; None where that is not known.
    """

    answering: Answering
    name: str
    parts: int | None
    body: type[Message] | None = None
    answer: Content = None
    query: type[PageQuery] | None = None
    status: int = OK
    etag: bool = False
    conditional: bool = False


@dataclass(frozen=True, slots=True)
class Plain:
    """Makes the plain rows of a file of handlers.

    Args:
        module: `__name__` of the file. The OpenAPI document calls an operation after it and the
            use case, as in `teams_create`.
    """

    module: str

    def route(
        self,
        method: str,
        path: str,
        work: Work,
        policy: Action,
        summary: str,
        *,
        name: str | None = None,
    ) -> Route:
        """A row of the table; what it takes and answers is said by its work.

        Args:
            name: of the operation, where it is not called after the use case.

        Raises:
            ValueError: the path has more or fewer parts than the use case takes.
        """
        parts = [part for _, part, _, _ in Formatter().parse(path) if part]
        if work.parts is not None and work.parts != len(parts):
            raise ValueError(f"{method} {path}: {work.name} takes {work.parts} parts of a path")

        async def handler(call: Call) -> web.Response:
            return await work.answering(call, [call.path(part) for part in parts])

        handler.__module__, handler.__name__ = self.module, name or work.name
        return Route(
            method,
            path,
            handler,
            policy,
            summary,
            body=work.body,
            answer=work.answer,
            query=work.query,
            status=work.status,
            etag=work.etag,
            conditional=work.conditional,
        )
