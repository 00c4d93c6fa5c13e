"""What use cases look like that need nothing peculiar of a call: types for `plain`.

Each takes the connection, the actor, the parts in braces of the path as text, in their order (this
API has two at most), and then the body if there is one.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias, TypeVar, TypeVarTuple

from broker.protocol.base import Message
from broker.services.requests.actor import Actor
from broker.storage.database import Connection

Body = TypeVar("Body", bound=Message)
Shown = TypeVar("Shown", bound=Message)
Given = TypeVarTuple("Given")
Shown_co = TypeVar("Shown_co", covariant=True)


class Conditional(Protocol[*Given, Shown_co]):
    """Refuses to change an object whose entity tag is not among `if_match`, if there are any."""

    def __call__(
        self, connection: Connection, actor: Actor, /, *given: *Given, if_match: frozenset[str]
    ) -> Awaitable[Shown_co]: ...


class Paged(Protocol[*Given, Shown_co]):
    """Answers at most `rows_max` entries of a list, with ids below `before`."""

    def __call__(
        self, connection: Connection, actor: Actor, /, *given: *Given, before: int, rows_max: int
    ) -> Awaitable[Sequence[Shown_co]]: ...


Asked: TypeAlias = (
    Callable[[Connection, Actor], Awaitable[Shown]]
    | Callable[[Connection, Actor, str], Awaitable[Shown]]
    | Callable[[Connection, Actor, str, str], Awaitable[Shown]]
)
"""Takes no body, and answers with a model."""

Told: TypeAlias = (
    Callable[[Connection, Actor, Body], Awaitable[Shown]]
    | Callable[[Connection, Actor, str, Body], Awaitable[Shown]]
    | Callable[[Connection, Actor, str, str, Body], Awaitable[Shown]]
)
"""Takes a body, and answers with a model."""

Changed: TypeAlias = (
    Conditional[Body, Shown] | Conditional[str, Body, Shown] | Conditional[str, str, Body, Shown]
)
"""Takes a body and If-Match, and answers with a model."""

Deleted: TypeAlias = (
    Callable[[Connection, Actor, str], Awaitable[None]]
    | Callable[[Connection, Actor, str, str], Awaitable[None]]
)
"""Takes no body, and answers nothing."""

Listed: TypeAlias = Paged[Shown] | Paged[str, Shown]
"""Answers with a page of models."""

Etag: TypeAlias = Callable[[Shown], str]
"""The entity tag of what a model shows."""
