"""Whoever an access list can name: accounts, teams, and the two groups without members."""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from broker.protocol.ids import PrincipalId
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("principals")


class Wanted(NamedTuple):
    """An account or a team by its id or its handle, the other of which is None."""

    kind: Literal["account", "team"]
    name: str | None
    id: int | None


class Found(NamedTuple):
    """Who that is; None for nobody. A deleted account is still somebody."""

    id: PrincipalId | None
    deleted: bool


class Named(NamedTuple):
    """What people call a principal: its public id and its handle."""

    principal: str
    name: str


async def find(connection: Connection, wanted: Sequence[Wanted]) -> list[Found]:
    """Accounts and teams, one answer for each that is wanted."""
    columns = ([w.kind for w in wanted], [w.id for w in wanted], [w.name for w in wanted])
    return [Found(row[0], bool(row[1])) for row in await connection.fetch(SQL.find, *columns)]


async def names(
    connection: Connection, principals: Iterable[PrincipalId]
) -> dict[PrincipalId, Named]:
    """What people call principals."""
    return {
        PrincipalId(id_): Named(f"{kind}_{id_}" if id_ > 0 else kind, name)
        for id_, kind, name in await connection.fetch(SQL.names, list(principals))
    }
