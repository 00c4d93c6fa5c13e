"""One call of the API: the request, who makes it, and ways to answer."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar, cast

import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError

from broker.errors import BodyTooLarge, FieldError, InvalidInput
from broker.protocol.base import Message, View
from broker.protocol.complaints import detail_of
from broker.protocol.ids import number_of, parse
from broker.protocol.limits import (
    BODY_BYTES_MAX,
    IDEMPOTENCY_KEY_CHARACTERS_MAX,
    PAGE_ITEMS_DEFAULT,
    PAGE_ITEMS_MAX,
)
from broker.services.context import Services
from broker.services.people import audit
from broker.services.people.audit import Trace
from broker.services.requests.actor import Actor
from broker.services.requests.answers import IdempotencyKey, Stored, request_digest
from broker.services.requests.idempotency import UseCase, once
from broker.services.requests.repeats import repeatable
from broker.storage.database import Connection

SERVICES = web.AppKey("services", Services)
Model = TypeVar("Model", bound=BaseModel)
CREATED, OK, NO_CONTENT = 201, 200, 204
FIRST_PAGE = 2**63 - 1
NUMBER_DIGITS_MAX = 18


class Open(Enum):
    """Policies of the few routes that no action of an account or host covers."""

    PUBLIC = "anyone, without a token"
    ENROLLMENT = "whoever holds an unused enrolment token"


class PageQuery(Message):
    """The query of every list."""

    limit: int = PAGE_ITEMS_DEFAULT
    """Most entries to return, 1 to 1000."""
    cursor: str | None = None
    """Where to go on: `next_cursor` of the page before."""


@dataclass(slots=True)
class Call:
    """What a handler gets."""

    request: web.Request
    services: Services
    actor: Actor
    told: Message | None = None  # the body, for the audit log
    traced: bool = False  # whether the audit log knows of the change

    # -- in ---------------------------------------------------------------------------------

    def path(self, name: str) -> str:
        """A part of the path."""
        return self.request.match_info[name]

    def id(self, kind: str) -> int:
        """The id in the path under the name of its kind, e.g. `job_17` under {job}.

        Raises:
            InvalidInput: an id of another kind.
        """
        return parse(kind, self.path(kind), f"{{{kind}}}")

    def number(self, name: str) -> int:
        """A counting number in the path, e.g. of a version.

        Raises:
            InvalidInput: something else.
        """
        text = self.path(name)
        if not (text.isascii() and text.isdigit() and len(text) <= NUMBER_DIGITS_MAX):
            raise InvalidInput.of(f"{{{name}}}", f"expected a number like 3, got {text[:80]!r}")
        return int(text)

    @property
    def half_life_seconds(self) -> float:
        """Half-life of usage and of recent average credit."""
        return self.services.settings.half_life_seconds

    @property
    def silent_seconds(self) -> float:
        """Silence after which a host is no capacity."""
        return self.services.settings.host_silent_seconds

    @property
    def if_match(self) -> frozenset[str]:
        """Entity tags of the If-Match header (RFC 9110, 13.1.1); empty without one."""
        tags = self.request.headers.get("If-Match", "").split(",")
        return frozenset(tag.strip() for tag in tags if tag.strip())

    async def body(self, model: type[Model]) -> Model:
        """The JSON body.

        Raises:
            InvalidInput: not JSON, or bad fields, each named.
            BodyTooLarge: more than BODY_BYTES_MAX.
        """
        body = parse_json(model, await self.raw())
        self.told = body if isinstance(body, Message) else None
        return body

    async def raw(self) -> bytes:
        """The body's bytes, up to BODY_BYTES_MAX."""
        try:
            return await self.request.read()
        except web.HTTPRequestEntityTooLarge:
            raise BodyTooLarge(
                f"the body has more than {BODY_BYTES_MAX} bytes",
                errors=[FieldError("", f"at most {BODY_BYTES_MAX} bytes")],
            ) from None

    def query(self, model: type[Model]) -> Model:
        """The query string as a model; unknown or bad parameters are named."""
        try:
            return model.model_validate(dict(self.request.query), strict=False)
        except ValidationError as error:
            bad = error.errors(include_url=False, include_input=False)
            fields = [FieldError(f"?{'.'.join(map(str, e['loc']))}", detail_of(e)) for e in bad]
            raise InvalidInput(_summary(fields), errors=fields) from None

    def key_text(self) -> str | None:
        """The Idempotency-Key header.

        Raises:
            InvalidInput: an empty or too long key, or one with other characters than ASCII's.
        """
        text = self.request.headers.get("Idempotency-Key")
        if text is None:
            return None
        fits = 1 <= len(text) <= IDEMPOTENCY_KEY_CHARACTERS_MAX
        if not (fits and text.isascii() and text.isprintable()):
            detail = f"1 to {IDEMPOTENCY_KEY_CHARACTERS_MAX} printable ASCII characters"
            raise InvalidInput.of("Idempotency-Key", detail)
        return text

    async def key(self) -> IdempotencyKey | None:
        """The Idempotency-Key header, with the digest of this request."""
        text = self.key_text()
        if text is None:
            return None
        target = f"{self.request.method} {self.request.raw_path}".encode()
        return IdempotencyKey(text, request_digest(target, await self.raw()))

    # -- out --------------------------------------------------------------------------------

    async def mutate(self, use_case: UseCase, status: int = OK) -> web.Response:
        """Runs a use case in one transaction, at most once for an Idempotency-Key.

        Its decisions are about the rights that the transaction finds in the database, and its
        change stands in the audit log or is not made.
        """
        services = self.services

        async def confirmed(connection: Connection) -> Message | None:
            await self.actor.confirm(connection)
            done = await use_case(connection)
            await audit.record(connection, self.actor, self._trace(status), done)
            return done

        stored = await once(services.database, self.actor, await self.key(), status, confirmed)
        self.traced = True
        await services.learn()
        return answer_stored(stored)

    async def trace(self, connection: Connection, done: Message, status: int) -> None:
        """Writes a change that was made in this transaction into the audit log: for what comes as a
        stream, and so cannot go through `mutate`."""
        await audit.record(connection, self.actor, self._trace(status), done)

    async def repeat(self, work: Callable[[], Awaitable[View]], status: int = OK) -> web.Response:
        """Does work that takes several transactions and is safe to do again; the audit log tells of
        it once it is done."""
        database = self.services.database
        stored = await repeatable(database, self.actor, await self.key(), status, work)
        if not stored.replayed:
            async with database.transaction() as connection:
                await audit.record(connection, self.actor, self._trace(status), None)
        self.traced = True
        return answer_stored(stored)

    def _trace(self, status: int) -> Trace:
        resource = self.request.match_info.route.resource
        route = resource.canonical if resource else self.request.path
        names = dict(self.request.match_info)
        return Trace(f"{self.request.method} {route}", names, self.told, status)


def parse_json(model: type[Model], text: bytes, place: str = "") -> Model:
    """JSON text as a model.

    Args:
        place: stands before each pointer, e.g. "line 1".

    Raises:
        InvalidInput: not JSON, or bad fields, each named by its JSON pointer.
    """
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        bad = error.errors(include_url=False, include_input=False)[:100]
        fields = [FieldError(pointer(place, e["loc"]), detail_of(e)) for e in bad]
        raise InvalidInput(_summary(fields), errors=fields) from None


def pointer(place: str, path: Sequence[str | int]) -> str:
    """A field within a body or a line, as errors name it: "/name", "line 3: /name", "line 3"."""
    return ": ".join(part for part in (place, "".join(f"/{name}" for name in path)) if part)


def _summary(fields: list[FieldError]) -> str:
    first = f"{fields[0].pointer or 'the body'}: {fields[0].detail}"
    return first if len(fields) == 1 else f"{first} (and {len(fields) - 1} more)"


def answer(
    view: Message, status: int = OK, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A model as JSON."""
    return json_bytes(view.model_dump_json().encode(), status, headers)


def answer_stored(stored: Stored) -> web.Response:
    """An answer that was stored with its change."""
    headers = {"Idempotent-Replayed": "true"} if stored.replayed else None
    if not stored.body:
        return web.Response(status=NO_CONTENT, headers=headers)
    return json_bytes(stored.body, stored.status, headers)


def json_bytes(
    body: bytes, status: int = OK, headers: Mapping[str, str] | None = None
) -> web.Response:
    """JSON that is already text."""
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def tagged(
    response: web.Response, model: type[Model], etag: Callable[[Model], str]
) -> web.Response:
    """An answer of a change, with the entity tag of the object that it shows."""
    if isinstance(response.body, bytes):
        response.headers["ETag"] = etag(model.model_validate_json(response.body))
    return response


def page_bounds(query: PageQuery) -> tuple[int, int]:
    """(ids below this one, rows) of a list request.

    Raises:
        InvalidInput: a limit outside 1..1000, or a cursor that we did not make.
    """
    if not 1 <= query.limit <= PAGE_ITEMS_MAX:
        raise InvalidInput.of("?limit", f"must be 1 to {PAGE_ITEMS_MAX}")
    if query.cursor is None:
        return FIRST_PAGE, query.limit
    return parse("before", query.cursor, "?cursor"), query.limit


def answer_page(
    items: Sequence[Any],
    limit: int,
    position: str | Callable[[Any], int] = "id",
    prefix: str = "before",
) -> web.Response:
    """One page. A full page gets a cursor behind its last item.

    Args:
        position: the items' attribute that the list is ordered by; or what computes such a
            number.
        prefix: "before" in a descending list, "after" in an ascending one.
    """
    cursor = f"{prefix}_{_position(items[-1], position)}" if len(items) == limit else None
    body = orjson.dumps(
        {
            "items": [orjson.Fragment(item.model_dump_json()) for item in items],
            "next_cursor": cursor,
        }
    )
    return json_bytes(body)


def _position(item: Any, position: str | Callable[[Any], int]) -> int:
    """Where an entry stands; of an id in its public form, its number."""
    if callable(position):
        return position(item)
    value = getattr(item, position)
    number = number_of(value) if isinstance(value, str) else int(value)
    assert number is not None, f"{value} is no id"
    return number


def call_of(request: web.Request) -> Call:
    """The call that the middleware made for a request."""
    return cast(Call, request["call"])
