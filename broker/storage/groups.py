"""Groups of accounts: a tree that the database itself keeps free of cycles."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from broker.protocol.groups import Membership
from broker.protocol.ids import AccountId, GroupId
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("groups")
ALL = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Settings:
    """What admins set of a group, budget apart."""

    title: str
    parent: GroupId | None
    weight: float
    minimum_slots: float
    maximum_slots: float | None
    jobs_in_progress_max: int | None


@dataclass(frozen=True, slots=True)
class TreeRow:
    """A group as the scheduler weighs it."""

    id: GroupId
    name: str
    parent: GroupId | None
    weight: float
    minimum_slots: float
    maximum_slots: float | None


class TreeRefused(Exception):
    """The tree would have a cycle (`share_group_no_cycle`) or too many levels
    (`share_group_levels_max`)."""

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint


@contextmanager
def _checked() -> Iterator[None]:
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        if error.constraint_name in ("share_group_no_cycle", "share_group_levels_max"):
            raise TreeRefused(error.constraint_name) from None
        raise


async def create(connection: Connection, name: str, settings: Settings) -> GroupId | None:
    """A new group, or None when the name is taken.

    Raises:
        TreeRefused: too many levels.
    """
    with _checked():
        found = await connection.fetchval(SQL.create, name, *_values(settings))
    return None if found is None else GroupId(found)


async def change(connection: Connection, group: GroupId, settings: Settings) -> None:
    """Replaces what admins set.

    Raises:
        TreeRefused: the group would be above itself, or the tree too deep.
    """
    with _checked():
        await connection.execute(SQL.set, group, *_values(settings))


def _values(settings: Settings) -> tuple[Any, ...]:
    return (
        settings.title,
        settings.parent,
        settings.weight,
        settings.minimum_slots,
        settings.maximum_slots,
        settings.jobs_in_progress_max,
    )


async def find(connection: Connection, name: str | None, group: int | None) -> GroupId | None:
    """A group by name or by id."""
    found = await connection.fetchval(SQL.find, name, group)
    return None if found is None else GroupId(found)


async def lock(connection: Connection, group: GroupId) -> None:
    """Holds a group still until the transaction ends."""
    await connection.execute(SQL.lock, group)


async def rows(connection: Connection, groups: Sequence[GroupId]) -> list[dict[str, Any]]:
    """Some groups as fields of `protocol.groups.Group`, newest first."""
    return [dict(row) for row in await connection.fetch(SQL.rows, groups, ALL, ALL)]


async def page(connection: Connection, *, before: int, rows_max: int) -> list[dict[str, Any]]:
    """Groups, newest first."""
    return [dict(row) for row in await connection.fetch(SQL.rows, None, before, rows_max)]


async def delete(connection: Connection, group: GroupId) -> bool:
    """Removes a group; False when it still has groups or accounts."""
    try:
        return await connection.fetchval(SQL.delete, group) is not None
    except asyncpg.ForeignKeyViolationError:  # somebody joined at this moment
        return False


async def join(connection: Connection, account: AccountId, group: GroupId | None) -> None:
    """Makes an account a member of a group, and of no other."""
    await connection.execute(SQL.join, account, group)


async def members(
    connection: Connection, group: GroupId, *, before: int, rows_max: int
) -> list[Membership]:
    """Accounts that belong to a group directly, newest first."""
    found = await connection.fetch(SQL.members, group, before, rows_max)
    return [Membership.model_validate(dict(row)) for row in found]


async def tree(connection: Connection) -> list[TreeRow]:
    """Every group, in order of id."""
    return [TreeRow(*row) for row in await connection.fetch(SQL.tree)]


async def minima(connection: Connection) -> dict[GroupId | None, float]:
    """Sums of the minima of accounts in slots, by group; under None those without one."""
    return {row[0]: row[1] for row in await connection.fetch(SQL.minima)}


async def capacity_slots(connection: Connection, *, silent_seconds: float) -> float:
    """Slots of the hosts that were heard of lately."""
    return float(await connection.fetchval(SQL.capacity, silent_seconds))
