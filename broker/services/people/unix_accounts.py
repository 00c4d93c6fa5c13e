"""Execution accounts: set by managers for labs (teams) and accounts, as data for the hosts (C5)."""

from broker.domain.unix_accounts import UnixIds, runs_as
from broker.errors import InvalidInput, NotFound
from broker.protocol.ids import PrincipalId, TeamId
from broker.protocol.unix_accounts import UnixAccount, UnixIdentity, UnixRequest
from broker.services.people import accounts, teams
from broker.services.requests.actor import Actor
from broker.storage import unix_accounts
from broker.storage.database import Connection


async def of_account(connection: Connection, actor: Actor, reference: str) -> UnixAccount:
    """What is set for an account, and as whom its jobs run."""
    account = await accounts.authorised(connection, actor, reference)
    belongs_to = actor.world.teams.get(account.id, frozenset())
    own = PrincipalId(account.id)
    found = await unix_accounts.of(connection, [own, *map(PrincipalId, belongs_to)])
    mine = found.pop(own, None)
    ids = {TeamId(team): UnixIds(each.uid, each.gid) for team, each in found.items()}
    answer = runs_as(UnixIds(mine.uid, mine.gid) if mine else None, ids)
    named = [mine, *found.values()]
    chosen = next((each for each in named if each and (each.uid, each.gid) == answer.ids), None)
    return UnixAccount(own=mine, runs_as=chosen, why=str(answer.why))


async def of_team(connection: Connection, actor: Actor, reference: str) -> UnixAccount:
    """What is set for a team."""
    actor.require(actor.world.team())
    team = PrincipalId(await teams.find(connection, reference))
    own = (await unix_accounts.of(connection, [team])).get(team)
    return UnixAccount(own=own, runs_as=own, why="set for the team" if own else "nothing is set")


async def put_on_account(
    connection: Connection, actor: Actor, reference: str, request: UnixRequest
) -> UnixIdentity:
    """Sets the execution account of an account.

    Raises:
        InvalidInput: another lab has the uid, and they do not both say that it is shared.
        Conflict: the account was deleted.
    """
    account = await accounts.existing(connection, actor, reference)
    return await _put(connection, PrincipalId(account.id), request)


async def put_on_team(
    connection: Connection, actor: Actor, reference: str, request: UnixRequest
) -> UnixIdentity:
    """Sets the execution account of a team's members.

    Raises:
        InvalidInput: as `put_on_account`.
    """
    actor.require(actor.world.team())
    return await _put(connection, PrincipalId(await teams.find(connection, reference)), request)


async def remove_from_account(connection: Connection, actor: Actor, reference: str) -> None:
    """Takes the execution account of an account away.

    Raises:
        NotFound: none is set.
    """
    account = await accounts.authorised(connection, actor, reference)
    await _remove(connection, PrincipalId(account.id), reference)


async def remove_from_team(connection: Connection, actor: Actor, reference: str) -> None:
    """Takes the execution account of a team away.

    Raises:
        NotFound: none is set.
    """
    actor.require(actor.world.team())
    await _remove(connection, PrincipalId(await teams.find(connection, reference)), reference)


async def _put(connection: Connection, holder: PrincipalId, request: UnixRequest) -> UnixIdentity:
    wanted = UnixIdentity(uid=request.uid, gid=request.gid, shared=request.shared)
    if not await unix_accounts.put(connection, holder, wanted):
        detail = f"uid {wanted.uid} is another's; share it on both sides, or take another"
        raise InvalidInput.of("/uid", detail)
    return wanted


async def _remove(connection: Connection, holder: PrincipalId, reference: str) -> None:
    if not await unix_accounts.remove(connection, holder):
        raise NotFound(f"nothing is set for {reference[:80]}", ids=(reference[:80],))
