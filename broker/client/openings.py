"""Break-glass access to strictly personal batches."""

from collections.abc import AsyncGenerator

from broker.client.pages import listing
from broker.client.transport import Ref, Transport, ref
from broker.protocol.base import Page
from broker.protocol.openings import Opening, OpeningRequest


async def break_glass(http: Transport, batch: Ref, request: OpeningRequest) -> Opening:
    """Read a strictly personal batch of somebody else for a while; the owner is told."""
    path = f"/v1/batches/{ref('batch', batch)}:break-glass"
    return await http.call("POST", path, Opening, body=request)


async def list_openings(
    http: Transport, batch: Ref, *, limit: int | None = None
) -> AsyncGenerator[Opening, None]:
    """Who opened a strictly personal batch and why, newest first."""
    path = f"/v1/batches/{ref('batch', batch)}/openings"
    async for item in listing(http, path, Page[Opening], limit=limit):
        yield item
