"""Hosts, the fair-share table, and whether the broker is well."""

from collections.abc import AsyncGenerator

from broker.client.pages import listing
from broker.client.transport import Ref, Transport, ref
from broker.protocol.base import Page
from broker.protocol.hosts import Enrollment, EnrollmentRequest, Host
from broker.protocol.shares import Shares


def _path(host: Ref, rest: str = "") -> str:
    return f"/v1/hosts/{ref('host', host)}{rest}"


async def list_hosts(http: Transport, *, limit: int | None = None) -> AsyncGenerator[Host, None]:
    """The hosts, newest first."""
    async for item in listing(http, "/v1/hosts", Page[Host], limit=limit):
        yield item


async def get_host(http: Transport, host: Ref) -> Host:
    """One host."""
    return await http.call("GET", _path(host), Host)


async def drain_host(http: Transport, host: Ref) -> None:
    """Let a host finish what it holds and give it nothing new."""
    await http.act("POST", _path(host, ":drain"))


async def resume_host(http: Transport, host: Ref) -> None:
    """Give a drained host work again; a ban is final."""
    await http.act("POST", _path(host, ":resume"))


async def ban_host(http: Transport, host: Ref) -> None:
    """Take all work from a host and accept nothing more from it."""
    await http.act("POST", _path(host, ":ban"))


async def enroll(http: Transport, request: EnrollmentRequest) -> Enrollment:
    """Make a single-use token with which one host may join."""
    return await http.call("POST", "/v1/enrollments", Enrollment, body=request)


async def get_shares(http: Transport) -> Shares:
    """The fair-share table: quota, history, entitlement and allocation of each account."""
    return await http.call("GET", "/v1/shares", Shares)
