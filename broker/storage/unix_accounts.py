"""Execution accounts of accounts and teams."""

from collections.abc import Iterable

import asyncpg

from broker.protocol.ids import PrincipalId
from broker.protocol.unix_accounts import UnixIdentity
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("unix_accounts")


async def put(connection: Connection, holder: PrincipalId, wanted: UnixIdentity) -> bool:
    """Sets the execution account of an account or team; False when another's uid is in the way."""
    try:
        async with connection.transaction():
            await connection.execute(SQL.set, holder, wanted.uid, wanted.gid, wanted.shared)
    except asyncpg.IntegrityConstraintViolationError as error:
        if error.constraint_name != "unix_account_uid_of_one":
            raise
        return False
    return True


async def of(
    connection: Connection, holders: Iterable[PrincipalId]
) -> dict[PrincipalId, UnixIdentity]:
    """What is set for accounts and teams; the others are missing."""
    rows = await connection.fetch(SQL.find, list(holders))
    return {
        PrincipalId(row["principal_id"]): UnixIdentity(
            uid=row["uid"], gid=row["gid"], shared=row["shared"]
        )
        for row in rows
    }


async def every(connection: Connection) -> dict[PrincipalId, tuple[int, int]]:
    """(uid, gid) of all accounts and teams for which they are set."""
    rows = await connection.fetch(SQL.every)
    return {PrincipalId(holder): (uid, gid) for holder, uid, gid in rows}


async def remove(connection: Connection, holder: PrincipalId) -> bool:
    """Removes what is set; False when nothing was."""
    return await connection.fetchval(SQL.remove, holder) is not None
