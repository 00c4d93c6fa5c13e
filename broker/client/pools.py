"""Registered pools of hosts."""

from collections.abc import AsyncGenerator

from broker.client.pages import listing
from broker.client.transport import Ref, Transport, ref
from broker.protocol.base import Page
from broker.protocol.pools import Pool, PoolChange, PoolRequest, Preemption, PreemptionRules


def _path(pool: Ref) -> str:
    return f"/v1/pools/{ref('pool', pool)}"


async def create_pool(http: Transport, request: PoolRequest) -> Pool:
    """Register a pool; raises NameTaken when it is registered."""
    return await http.call("POST", "/v1/pools", Pool, body=request)


async def list_pools(http: Transport, *, limit: int | None = None) -> AsyncGenerator[Pool, None]:
    """The registered pools that the caller may view, newest first."""
    async for item in listing(http, "/v1/pools", Page[Pool], limit=limit):
        yield item


async def get_pool(http: Transport, pool: Ref) -> Pool:
    """One registered pool, by handle or id."""
    return await http.call("GET", _path(pool), Pool)


async def change_pool(http: Transport, pool: Ref, request: PoolChange) -> Pool:
    """Change the fields of a pool that `request` sets, and keep the others."""
    return await http.call("PATCH", _path(pool), Pool, body=request)


async def delete_pool(http: Transport, pool: Ref) -> None:
    """Forget a pool that was never used."""
    await http.act("DELETE", _path(pool))


# -- preemption -----------------------------------------------------------------------------


async def list_preemptions(http: Transport) -> list[Preemption]:
    """The pools in which running jobs may be taken back, with their rules."""
    return (await http.call("GET", "/v1/preemptions", Page[Preemption])).items


async def allow_preemption(http: Transport, pool: str, rules: PreemptionRules) -> Preemption:
    """Let running jobs of a pool be taken back for accounts below their share, or change how."""
    return await http.call(
        "PUT", f"/v1/pools/{ref('pool', pool)}/preemption", Preemption, body=rules
    )


async def forbid_preemption(http: Transport, pool: str) -> None:
    """Leave the running jobs of a pool alone."""
    await http.act("DELETE", f"/v1/pools/{ref('pool', pool)}/preemption")
