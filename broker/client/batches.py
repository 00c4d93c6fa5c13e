"""Batches: list, look at, cancel, submit again."""

from collections.abc import AsyncGenerator
from typing import Literal

from broker.client.pages import listing
from broker.client.transport import Ref, Transport, name_of, ref
from broker.protocol.base import Count, Page
from broker.protocol.batches import Batch, BatchReceipt, RerunRequest


def _path(batch: Ref, rest: str = "") -> str:
    return f"/v1/batches/{ref('batch', batch)}{rest}"


async def list_batches(
    http: Transport,
    *,
    state: Literal["open", "finished"] | None = None,
    app: Ref | None = None,
    account: Ref | None = None,
    limit: int | None = None,
) -> AsyncGenerator[Batch, None]:
    """The batches that the caller may see, newest first.

    Args:
        state: "open" for batches with jobs to do, "finished" for the others; null for any.
        app: only of this app; null for any.
        account: only of this submitter; null for any.
        limit: most batches to yield; null for all.
    """
    query = {
        "state": state,
        "app": None if app is None else name_of("app", app),
        "account": None if account is None else name_of("account", account),
    }
    async for item in listing(http, "/v1/batches", Page[Batch], limit=limit, query=query):
        yield item


async def get_batch(http: Transport, batch: Ref) -> Batch:
    """One batch, with its jobs counted by state."""
    return await http.call("GET", _path(batch), Batch)


async def cancel_batch(http: Transport, batch: Ref) -> int:
    """Cancel the jobs of a batch that have not ended; how many those were."""
    return (await http.call("POST", _path(batch, ":cancel"), Count)).count


async def unshare_batch(http: Transport, batch: Ref) -> Batch:
    """Take a batch out of what its app shares; only the people of its place see it then."""
    return await http.call("POST", _path(batch, ":unshare"), Batch)


async def rerun_batch(
    http: Transport, batch: Ref, *, only: Literal["failed", "all"] = "failed"
) -> BatchReceipt:
    """Submit jobs of a batch again, as a new batch."""
    body = RerunRequest(only=only)
    return await http.call("POST", _path(batch, ":rerun"), BatchReceipt, body=body)
