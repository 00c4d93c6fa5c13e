"""Plain handlers, made of their use cases; mypy holds the models named here to the use case's.

All that change something go through `Call.mutate`: one transaction that the audit log tells of, at
most once for an Idempotency-Key.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from inspect import Parameter, signature
from typing import TypeVar

from aiohttp import web

from broker.api.call import (
    CREATED,
    NO_CONTENT,
    OK,
    Call,
    PageQuery,
    answer,
    answer_page,
    page_bounds,
    tagged,
)
from broker.api.plain.rows import Answering, Work
from broker.api.plain.use_cases import Asked, Body, Changed, Deleted, Etag, Listed, Shown, Told
from broker.protocol.base import Message, Page

Query = TypeVar("Query", bound=PageQuery)

# -- reading --------------------------------------------------------------------------------


def showing(use_case: Asked[Shown], view: type[Shown], etag: Etag[Shown] | None = None) -> Work:
    """Shows one object, with an ETag where `etag` is given. The operation is called `show`."""

    async def answering(call: Call, parts: Sequence[str]) -> web.Response:
        run: Callable[..., Awaitable[Shown]] = use_case
        async with call.services.database.connection() as connection:
            shown = await run(connection, call.actor, *parts)
        return answer(shown, headers={"ETag": etag(shown)} if etag else None)

    return Work(answering, "show", _parts(use_case), answer=view, etag=etag is not None)


def paging(use_case: Listed[Shown], page: type[Page[Shown]], position: str = "id") -> Work:
    """Lists page by page: the query has `limit` and `cursor`, an answer the cursor of the next.

    Args:
        position: attribute of the entries that the list is ordered by.
    """
    answering = _listing(lambda _: use_case, PageQuery, position)
    return Work(answering, _name(use_case), _parts(use_case), answer=page, query=PageQuery)


def searching(
    finding: Callable[[Query], Listed[Shown]],
    query: type[Query],
    page: type[Page[Shown]],
    position: str = "id",
) -> Work:
    """Lists like `paging`, but only what a query asks for. The operation is called `page`.

    Args:
        finding: the use case with what the query asks for, as in
            `lambda query: partial(images.page, category=query.category)`.
    """
    return Work(_listing(finding, query, position), "page", None, answer=page, query=query)


def _listing(
    finding: Callable[[Query], Callable[..., Awaitable[Sequence[Message]]]],
    model: type[Query],
    position: str,
) -> Answering:
    async def answering(call: Call, parts: Sequence[str]) -> web.Response:
        query = call.query(model)
        before, limit = page_bounds(query)
        run = finding(query)
        async with call.services.database.connection() as connection:
            found = await run(connection, call.actor, *parts, before=before, rows_max=limit)
        return answer_page(found, limit, position)

    return answering


# -- changing -------------------------------------------------------------------------------


def creating(
    use_case: Told[Body, Shown],
    body: type[Body],
    view: type[Shown],
    etag: Etag[Shown] | None = None,
) -> Work:
    """Makes what a body describes; answers it with 201, and with an ETag where `etag` is given."""
    return _mutating(use_case, body, view, etag, status=CREATED)


def changing(
    use_case: Changed[Body, Shown], body: type[Body], view: type[Shown], etag: Etag[Shown]
) -> Work:
    """Changes an object as a body says, while it is what If-Match names, if anything; answers it
    with its new ETag."""
    return _mutating(use_case, body, view, etag, conditional=True)


def writing(
    use_case: Told[Body, Shown],
    body: type[Body],
    view: type[Shown],
    etag: Etag[Shown] | None = None,
) -> Work:
    """Does what a body says, whatever If-Match names; answers what came of it, with an ETag where
    `etag` is given."""
    return _mutating(use_case, body, view, etag)


def acting(use_case: Asked[Shown], view: type[Shown], etag: Etag[Shown] | None = None) -> Work:
    """Does something that needs no body, whatever If-Match names; answers what came of it, with an
    ETag where `etag` is given."""
    return _mutating(use_case, None, view, etag)


def deleting(use_case: Deleted) -> Work:
    """Takes something away, whatever If-Match names; takes no body, and answers an empty 204."""
    return replace(_mutating(use_case, None, None, None), status=NO_CONTENT)


def _mutating(
    use_case: Callable[..., Awaitable[Shown | None]],
    body: type[Message] | None,
    view: type[Shown] | None,
    etag: Etag[Shown] | None,
    *,
    status: int = OK,
    conditional: bool = False,
) -> Work:
    async def answering(call: Call, parts: Sequence[str]) -> web.Response:
        told = [await call.body(body)] if body else []
        conditions = {"if_match": call.if_match} if conditional else {}
        response = await call.mutate(
            lambda c: use_case(c, call.actor, *parts, *told, **conditions), status
        )
        return tagged(response, view, etag) if view and etag else response

    parts = _parts(use_case) - (body is not None)
    return Work(
        answering,
        _name(use_case),
        parts,
        body,
        view,
        status=status,
        etag=etag is not None,
        conditional=conditional,
    )


def _parts(use_case: Callable[..., object]) -> int:
    """How many arguments without a name a use case needs after the connection and the actor."""
    arguments = signature(use_case).parameters.values()
    kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    return sum(a.kind in kinds and a.default is Parameter.empty for a in arguments) - 2


def _name(use_case: Callable[..., object]) -> str:
    name: str = use_case.__name__
    return name
