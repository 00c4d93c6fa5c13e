"""Principals: accounts and teams by the names that access lists have for them."""

from collections.abc import Iterable

from broker.protocol.ids import PrincipalId
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("principals")

# ("account" or "team", a handle or an id)
PrincipalKey = tuple[str, str | int]


async def named(
    connection: Connection, keys: Iterable[PrincipalKey]
) -> dict[PrincipalKey, PrincipalId]:
    """Principals by handle or id; those that do not exist, or were deleted, are left out."""
    wanted = set(keys)
    columns = [
        [name for of, name in wanted if of == kind and isinstance(name, type_)]
        for type_ in (str, int)
        for kind in ("account", "team")
    ]
    found: dict[PrincipalKey, PrincipalId] = {}
    for id_, kind, name in await connection.fetch(SQL.named, *columns):
        found[kind, name] = found[kind, id_] = PrincipalId(id_)
    return {key: found[key] for key in wanted if key in found}
