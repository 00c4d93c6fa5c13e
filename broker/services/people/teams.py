"""Teams: kept by managers (T19), named by access lists (Y4), in force everywhere at once (Y5)."""

from broker.domain.access.compound import leaves_nobody
from broker.errors import Conflict, NameTaken, NotFound, PreconditionFailed
from broker.protocol.ids import PrincipalId, TeamId, show
from broker.protocol.teams import Team, TeamChange, TeamMember, TeamRequest
from broker.services.people import accounts
from broker.services.requests.actor import Actor
from broker.services.requests.entity_tags import matches, tag_of
from broker.services.requests.references import absent, resolve
from broker.storage import teams
from broker.storage.database import Connection

NODES_NAMED_MAX = 10  # in an error


async def create(connection: Connection, actor: Actor, request: TeamRequest) -> Team:
    """A new team without members.

    Raises:
        NameTaken: the handle is in use.
    """
    actor.require()
    team = await teams.create(connection, request.name, request.title, actor.account_id)
    if team is None:
        raise NameTaken(f"the name {request.name!r} is taken")
    return await _of(connection, team)


async def find(connection: Connection, reference: str, pointer: str = "{team}") -> TeamId:
    """A team by handle or id; the caller authorises.

    Raises:
        InvalidInput: an id of another kind.
        NotFound: there is none.
    """
    found = await teams.find(connection, *resolve("team", reference, pointer))
    if found is None:
        raise absent("team", reference)
    return found


async def view(connection: Connection, actor: Actor, reference: str) -> Team:
    """One team."""
    actor.require(actor.world.team())
    return await _of(connection, await find(connection, reference))


async def page(connection: Connection, actor: Actor, *, before: int, rows_max: int) -> list[Team]:
    """Teams, newest first."""
    actor.require()
    return await teams.page(connection, before=before, rows_max=rows_max)


def etag(team: Team) -> str:
    """The entity tag: of what people edit only."""
    return tag_of(team.id, team.name, team.title)


async def change(
    connection: Connection,
    actor: Actor,
    reference: str,
    request: TeamChange,
    *,
    if_match: frozenset[str],
) -> Team:
    """Changes the fields that the request names. Access lists keep naming the team.

    Raises:
        PreconditionFailed: somebody else changed the team since.
        NameTaken: another team has the handle.
    """
    team = await _held(connection, actor, reference)
    now = await _of(connection, team)
    if not matches(if_match, etag(now)):
        raise PreconditionFailed(
            "the team was changed since you read it; read it again", ids=(show("team", team),)
        )
    name = now.name if request.name is None else request.name
    title = now.title if request.title is None else request.title
    if not await teams.change(connection, team, name, title):
        raise NameTaken(f"the name {name!r} is taken")
    return await _of(connection, team)


async def delete(connection: Connection, actor: Actor, reference: str) -> None:
    """Removes a team with its memberships and all that access lists give it.

    Raises:
        Conflict: something in a project would be left with nobody who holds `share`.
    """
    team = await _held(connection, actor, reference)
    lists = await teams.lists(connection, team)
    left = [
        show(kind, node)
        for (node, kind), entries in lists.items()
        if leaves_nobody(entries, PrincipalId(team))
    ]
    if left:
        named = left[:NODES_NAMED_MAX]
        more = f" and {len(left) - len(named)} more" if len(left) > len(named) else ""
        raise Conflict(
            f"nobody else holds `share` on {', '.join(named)}{more}; give it to somebody first",
            ids=named,
        )
    await teams.remove(connection, team)


async def members(
    connection: Connection, actor: Actor, reference: str, *, before: int, rows_max: int
) -> list[TeamMember]:
    """The accounts of a team, newest first."""
    actor.require(actor.world.team())
    team = await find(connection, reference)
    return await teams.members(connection, team, before=before, rows_max=rows_max)


async def join(
    connection: Connection, actor: Actor, reference: str, account_reference: str
) -> TeamMember:
    """Makes an account a member; again is no error.

    Raises:
        Conflict: the account was deleted.
    """
    team = await _held(connection, actor, reference)
    account = await accounts.undeleted(connection, account_reference)
    await teams.join(connection, team, account.id)
    name = (await _of(connection, team)).name
    return TeamMember(account=account.id, account_name=account.name, team=team, team_name=name)


async def leave(
    connection: Connection, actor: Actor, reference: str, account_reference: str
) -> None:
    """Takes an account out of a team.

    Raises:
        NotFound: it is no member.
    """
    team = await _held(connection, actor, reference)
    account = await accounts.find(connection, account_reference)
    if not await teams.leave(connection, team, account.id):
        raise NotFound(f"{account.name} is no member of {reference[:80]}")


async def _held(connection: Connection, actor: Actor, reference: str) -> TeamId:
    """The team that the caller may change, held still until the transaction ends."""
    actor.require(actor.world.team())
    team = await find(connection, reference)
    await teams.lock(connection, team)
    return team


async def _of(connection: Connection, team: TeamId) -> Team:
    found = await teams.rows(connection, [team])
    if not found:  # deleted while we waited for the lock
        raise absent("team", show("team", team))
    return found[0]
