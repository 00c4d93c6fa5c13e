"""Handles of batches: what `client.submit` returns, with which a program follows its jobs."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, overload

from broker.client import open_batch
from broker.client.faces import AsyncFace, Call, Stream, SyncFace
from broker.client.open_batch import OpenBatch
from broker.client.transport import Transport
from broker.protocol.ids import BatchId

Arguments = ParamSpec("Arguments")


class BatchCalls:
    """What can be done with a batch, the same in both faces."""

    subject: OpenBatch

    refresh = Call(open_batch.refresh)
    watch = Stream(open_batch.watch)
    wait = Call(open_batch.wait)
    cancel = Call(open_batch.cancel)
    jobs = Stream(open_batch.jobs)
    outputs = Call(open_batch.outputs)

    @property
    def id(self) -> BatchId:
        """Number of the batch; `str(handle)` is its public id."""
        return self.subject.id

    def __str__(self) -> str:
        return str(self.subject)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.subject}>"


class BatchHandle(BatchCalls, SyncFace[OpenBatch]):
    """A batch of a `Client`."""


class AsyncBatchHandle(BatchCalls, AsyncFace[OpenBatch]):
    """A batch of an `AsyncClient`."""


class Opens(Generic[Arguments]):
    """A method of a client that answers with the handle of a batch."""

    def __init__(
        self, function: Callable[Concatenate[Transport, Arguments], Coroutine[Any, Any, OpenBatch]]
    ) -> None:
        self.function = function
        self.__doc__ = function.__doc__
        self.__wrapped__ = function

    @overload
    def __get__(
        self, face: AsyncFace[Transport], owner: type
    ) -> Callable[Arguments, Coroutine[Any, Any, AsyncBatchHandle]]: ...
    @overload
    def __get__(
        self, face: SyncFace[Transport], owner: type
    ) -> Callable[Arguments, BatchHandle]: ...
    def __get__(self, face: AsyncFace[Transport] | SyncFace[Transport], owner: type) -> Any:
        function = self.function
        if isinstance(face, AsyncFace):

            @wraps(function)
            async def opening(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Any:
                return AsyncBatchHandle(await function(face.subject, *args, **kwargs))

            return opening

        @wraps(function)
        def blocking(*args: Arguments.args, **kwargs: Arguments.kwargs) -> BatchHandle:
            opened = face.portal.run(function(face.subject, *args, **kwargs))
            return BatchHandle(opened, face.portal)

        return blocking
