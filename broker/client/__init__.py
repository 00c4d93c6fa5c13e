"""The SDK: `Client` to block, `AsyncClient` to await, `FairleadExecutor` for futures.

It speaks the wire models of `broker.protocol` over HTTP and raises the errors of `broker.errors`;
it holds no rules of the broker and imports none of its server side.
"""

from broker.client.client import AsyncClient, Client
from broker.client.executor import FairleadExecutor, JobNotSucceeded
from broker.client.failures import Interrupted
from broker.client.files import DigestMismatch
from broker.client.handles import AsyncBatchHandle, BatchHandle
from broker.client.retry import Retry
from broker.client.transport import Transport

__all__ = [
    "AsyncBatchHandle",
    "AsyncClient",
    "BatchHandle",
    "Client",
    "DigestMismatch",
    "FairleadExecutor",
    "Interrupted",
    "JobNotSucceeded",
    "Retry",
    "Transport",
]
