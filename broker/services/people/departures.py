"""Accounts that leave: what acts in their name ends, strictly personal work goes, the rest stays.

The transaction of a deletion ends what acts. Strictly personal batches are removed by the sweeper
once their last job has ended (H12); everything else stays, for managers (H11). The ledger is
untouched, and neither ids nor names are given again.
"""

import asyncio
from typing import Final

from broker.domain.access import GRANTABLE, Action, rights_of_role
from broker.protocol.departures import Departure, LeftAlone
from broker.protocol.ids import AccountId, HostId
from broker.protocol.states import AccountState
from broker.services.infrastructure.files import Files
from broker.services.people import accounts as account_services
from broker.services.requests.actor import Actor
from broker.storage import accounts, budgets, departures, hosts
from broker.storage.database import Connection, Database

SHARING: Final = [role for role in GRANTABLE if Action.SHARE in rights_of_role(role)]
LEFT_ALONE_MAX = 100
JOBS_PER_REMOVAL_MAX = 20_000
CONTENTS_PER_REMOVAL_MAX = 1_000
# A content that was uploaded anew so lately is not removed: its row may not be written yet.
CONTENT_SECONDS_MIN = 3_600.0


async def preview(connection: Connection, actor: Actor, reference: str) -> Departure:
    """What deleting an account would do; nothing is changed."""
    account = await account_services.authorised(connection, actor, reference)
    return await _departure(connection, account.id, reference)


async def delete(
    connection: Connection, actor: Actor, reference: str
) -> tuple[Departure, set[HostId]]:
    """Ends everything that acts in the account's name; its history and its name stay.

    Returns:
        What was done; and the hosts that must be told to stop jobs.

    Raises:
        Conflict: it is the last active admin.
    """
    account = await account_services.authorised(connection, actor, reference)
    await account_services.keep_an_admin(connection, account.id)
    done = await _departure(connection, account.id, reference)
    account = await accounts.set_state(connection, account.id, AccountState.DELETED)
    await budgets.carry(connection, [account.id])  # before it leaves its group
    await accounts.strip(connection, account.id)
    await hosts.lock_out(connection, owner=account.id)
    # Twice: a lease that was being claimed was neither queued nor leased to the first look.
    told = await accounts.end_work(connection, account.id)
    told |= await accounts.end_work(connection, account.id)
    return done.model_copy(update={"account": account}), told


async def sweep(database: Database) -> set[HostId]:
    """Ends what reached the queues in the name of deleted accounts while they were deleted: a
    submission under way, a lost attempt.

    Returns:
        Hosts that must be told to stop jobs.
    """
    async with database.transaction() as connection:
        return await accounts.end_work(connection, None)


async def remove_personal(database: Database, files: Files) -> bool:
    """Removes a strictly personal batch of a deleted account; True when there may be more.

    Logs go first and the batch's row last, so that whatever is interrupted is found again.
    """
    async with database.connection() as connection:
        batch = await departures.personal(connection)
        if batch is None:
            return False
        last = batch.id + batch.jobs - 1
        await asyncio.to_thread(files.remove_logs, batch.id, last)
        for first in range(batch.id, last + 1, JOBS_PER_REMOVAL_MAX):
            until = min(last, first + JOBS_PER_REMOVAL_MAX - 1)
            await departures.remove_jobs(connection, batch.id, first, until)
        async with connection.transaction():
            await departures.remove_batch(connection, batch)
    return True


async def remove_contents(
    database: Database, files: Files, *, older_than_seconds: float = CONTENT_SECONDS_MIN
) -> None:
    """Removes contents of removed batches that nothing else refers to."""
    async with database.connection() as connection:
        found = await departures.discarded(
            connection, seconds=older_than_seconds, rows_max=CONTENTS_PER_REMOVAL_MAX
        )
        for sha256, referred_to in found:
            if not referred_to:
                await asyncio.to_thread(files.remove_content, sha256, older_than_seconds)
        if found:
            await departures.settle_discarded(connection, [sha256 for sha256, _ in found])


async def _departure(connection: Connection, account: AccountId, reference: str) -> Departure:
    numbers = await departures.extent(connection, account)
    alone = await departures.left_alone(connection, account, SHARING, rows_max=LEFT_ALONE_MAX)
    return Departure(
        account=await account_services.find(connection, reference),
        **numbers,
        left_alone=alone,
        warnings=_warnings(alone, numbers),
    )


def _warnings(alone: list[LeftAlone], numbers: dict[str, int]) -> list[str]:
    said = []
    if alone:
        names = ", ".join(f"{each.id} ({each.name})" for each in alone[:10])
        more = " and others" if len(alone) > 10 else ""
        said.append(f"nobody but managers can share {names}{more}: give somebody the role owner")
    if numbers["batches_removed"]:
        said.append(f"{numbers['batches_removed']} strictly personal batches are removed for good")
    return said
