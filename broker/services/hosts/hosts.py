"""Hosts: brought in by their owners, watched and switched by owners and admins."""

from broker.domain.access import Action
from broker.errors import Conflict, NotFound
from broker.protocol.hosts import Host, HostRotationRequest
from broker.protocol.ids import HostId, show
from broker.protocol.leases import Enrolled
from broker.protocol.resources import HostFacts
from broker.protocol.states import HostState
from broker.services.people.bearer_tokens import HOST_PREFIX, new_secret
from broker.services.requests.actor import Actor
from broker.services.requests.references import absent
from broker.storage import hosts, tokens
from broker.storage.database import Connection, Database


async def page(
    connection: Connection,
    actor: Actor,
    *,
    before: int,
    rows_max: int,
    half_life_seconds: float,
) -> list[Host]:
    """The caller's hosts, or everybody's for an admin, newest first."""
    actor.require()
    anybodys = actor.could(Action.HOST_VIEW, actor.world.host(None))
    return await hosts.page(
        connection,
        before=before,
        rows_max=rows_max,
        owner=None if anybodys else actor.account_id,
        half_life_seconds=half_life_seconds,
    )


async def show_one(
    connection: Connection, actor: Actor, host: HostId, *, half_life_seconds: float
) -> Host:
    """A host.

    Raises:
        NotFound: there is none, or it is not the caller's to see.
    """
    found = await hosts.find(connection, host, half_life_seconds=half_life_seconds)
    owner = found.account if found else None
    actor.require(actor.world.host(owner), ids=(show("host", host),))
    if found is None:
        raise absent("host", show("host", host))
    return found


async def move(
    connection: Connection,
    actor: Actor,
    host: HostId,
    state: HostState,
    *,
    half_life_seconds: float,
) -> Host:
    """Drains, resumes or bans a host; again is no error.

    A ban is final: the host's tokens are revoked, so it can only enrol again.

    Raises:
        NotFound: there is none, or it is not the caller's to see.
        Conflict: it is banned.
    """
    found = await hosts.owner(connection, host)
    owner, before = found or (None, None)
    actor.require(actor.world.host(owner), ids=(show("host", host),))
    if found is None:
        raise absent("host", show("host", host))
    if before is HostState.BANNED and state is not HostState.BANNED:
        raise Conflict("the host is banned and its token revoked; enrol it again")
    await hosts.set_state(connection, host, state)
    if state is HostState.BANNED:
        await hosts.lock_out(connection, host=host)
    return await show_one(connection, actor, host, half_life_seconds=half_life_seconds)


async def rotate_token(
    connection: Connection, actor: Actor, host: HostId, request: HostRotationRequest
) -> Enrolled:
    """Another token for the host that asks; those that it has end after an overlap.

    Raises:
        NotFound: it is another host.
    """
    if host != actor.host_id:
        raise NotFound(f"{show('host', host)} is another host", ids=(show("host", host),))
    actor.require(actor.world.lease(host))
    secret, sha256 = new_secret(HOST_PREFIX)
    await tokens.rotate_host(connection, host, sha256, overlap_seconds=request.overlap_seconds)
    return Enrolled(host=host, token=secret)


async def update_facts(database: Database, host: HostId, facts: HostFacts) -> None:
    """Replaces what is known of a host; the caller knows that the host itself says so."""
    async with database.connection() as connection:
        await hosts.update_facts(connection, host, facts)
