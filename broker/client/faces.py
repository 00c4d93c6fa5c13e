"""One function per request, two faces: awaited by `AsyncClient`, blocking in `Client`.

Every call is written once, as an asynchronous function whose first argument is what it acts on (a
`Transport`, or an `OpenBatch`). Wrapped in `Call` or `Stream` it becomes a method that either face
shows in its own way, with the arguments and the result of the function as far as type checkers
and editors can see.
"""

from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from functools import partial, wraps
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from broker.client.portal import Portal

Subject = TypeVar("Subject")
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class AsyncFace(Generic[Subject]):
    """Shows calls as coroutines and streams as asynchronous generators."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject


class SyncFace(Generic[Subject]):
    """Shows calls as blocking methods and streams as iterators."""

    def __init__(self, subject: Subject, portal: Portal) -> None:
        self.subject = subject
        self.portal = portal


class Call(Generic[Subject, Arguments, Result]):
    """A method with one answer."""

    def __init__(
        self,
        function: Callable[Concatenate[Subject, Arguments], Coroutine[Any, Any, Result]],
    ) -> None:
        self.function = function
        self.__doc__ = function.__doc__
        self.__wrapped__ = function  # so that help() and inspect show its arguments

    @overload
    def __get__(
        self, face: AsyncFace[Subject], owner: type
    ) -> Callable[Arguments, Coroutine[Any, Any, Result]]: ...
    @overload
    def __get__(self, face: SyncFace[Subject], owner: type) -> Callable[Arguments, Result]: ...
    @overload
    def __get__(
        self, face: None, owner: type
    ) -> Callable[Concatenate[Subject, Arguments], Coroutine[Any, Any, Result]]: ...
    def __get__(self, face: AsyncFace[Subject] | SyncFace[Subject] | None, owner: type) -> Any:
        if face is None:
            return self.function
        bound = partial(self.function, face.subject)
        if isinstance(face, AsyncFace):
            return bound
        portal = face.portal

        @wraps(self.function)
        def blocking(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            return portal.run(bound(*args, **kwargs))

        return blocking


class Stream(Generic[Subject, Arguments, Result]):
    """A method that yields values as they come."""

    def __init__(
        self,
        function: Callable[Concatenate[Subject, Arguments], AsyncGenerator[Result, None]],
    ) -> None:
        self.function = function
        self.__doc__ = function.__doc__
        self.__wrapped__ = function

    @overload
    def __get__(
        self, face: AsyncFace[Subject], owner: type
    ) -> Callable[Arguments, AsyncGenerator[Result, None]]: ...
    @overload
    def __get__(
        self, face: SyncFace[Subject], owner: type
    ) -> Callable[Arguments, Iterator[Result]]: ...
    @overload
    def __get__(
        self, face: None, owner: type
    ) -> Callable[Concatenate[Subject, Arguments], AsyncGenerator[Result, None]]: ...
    def __get__(self, face: AsyncFace[Subject] | SyncFace[Subject] | None, owner: type) -> Any:
        if face is None:
            return self.function
        bound = partial(self.function, face.subject)
        if isinstance(face, AsyncFace):
            return bound
        portal = face.portal

        @wraps(self.function)
        def iterating(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Iterator[Result]:
            return portal.iterate(bound(*args, **kwargs))

        return iterating
