"""Teams and their members."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from broker.domain.access.roles import Mask, mask
from broker.protocol.ids import AccountId, NodeId, PrincipalId, TeamId
from broker.protocol.nodes import Kind, Role
from broker.protocol.teams import Team, TeamMember
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("teams")
ALL = 2**31 - 1


async def create(
    connection: Connection, name: str, title: str, creator: AccountId
) -> TeamId | None:
    """A new team without members, or None when the name is taken."""
    found = await connection.fetchval(SQL.create, name, title, creator)
    return None if found is None else TeamId(found)


async def find(connection: Connection, name: str | None, team: int | None) -> TeamId | None:
    """A team by name or by id."""
    found = await connection.fetchval(SQL.find, name, team)
    return None if found is None else TeamId(found)


async def lock(connection: Connection, team: TeamId) -> None:
    """Holds a team, and what access lists give it, still until the transaction ends."""
    await connection.execute(SQL.lock, team)


async def rows(connection: Connection, teams: Sequence[TeamId]) -> list[Team]:
    """Some teams, newest first."""
    return [_team(row) for row in await connection.fetch(SQL.rows, teams, ALL, ALL)]


async def page(connection: Connection, *, before: int, rows_max: int) -> list[Team]:
    """Teams, newest first."""
    return [_team(row) for row in await connection.fetch(SQL.rows, None, before, rows_max)]


async def change(connection: Connection, team: TeamId, name: str, title: str) -> bool:
    """Renames a team; False when another one has the name."""
    try:
        return await connection.fetchval(SQL.set, team, name, title) is not None
    except asyncpg.UniqueViolationError:  # somebody took it at this moment
        return False


async def remove(connection: Connection, team: TeamId) -> None:
    """Removes a team that the caller has locked, with all that access lists give it."""
    await connection.execute(SQL.remove, team)


async def join(connection: Connection, team: TeamId, account: AccountId) -> None:
    """Makes an account a member; again is no error."""
    await connection.execute(SQL.join, team, account)


async def leave(connection: Connection, team: TeamId, account: AccountId) -> bool:
    """Takes an account out of a team; False when it was no member."""
    return await connection.fetchval(SQL.leave, team, account) is not None


async def members(
    connection: Connection, team: TeamId, *, before: int, rows_max: int
) -> list[TeamMember]:
    """The accounts of a team, newest first."""
    found = await connection.fetch(SQL.members, team, before, rows_max)
    return [TeamMember.model_validate(dict(row)) for row in found]


async def lists(
    connection: Connection, team: TeamId
) -> dict[tuple[NodeId, Kind], dict[PrincipalId, Mask]]:
    """The access lists in projects in which a team stands, whole, by node."""
    found: dict[tuple[NodeId, Kind], dict[PrincipalId, Mask]] = {}
    for node, kind, principal, roles in await connection.fetch(SQL.lists, team):
        found.setdefault((node, Kind(kind)), {})[principal] = mask(map(Role, roles))
    return found


def _team(row: asyncpg.Record) -> Team:
    fields: dict[str, Any] = dict(row)
    return Team.model_validate(fields)
