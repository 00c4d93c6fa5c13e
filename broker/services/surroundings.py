"""What stands around a waiting job: who comes first, and where it would start now."""

from broker.domain.matching import suits
from broker.protocol.ids import AccountId
from broker.protocol.jobs import Ahead
from broker.protocol.resources import Resources
from broker.services.board import Board
from broker.storage import accounts, jobs
from broker.storage.database import Connection

AHEAD_MAX = 5
POOLS_MAX = 5
HOSTS_EXAMINED_MAX = 200


async def ahead(connection: Connection, last: Board, account: AccountId) -> list[Ahead]:
    """Accounts that are served before this one, the next first; never their jobs."""
    mine = last.accounts.get(account)
    if mine is None or mine.rank <= 1:
        return []
    before = sorted(
        (note.rank, each) for each, note in last.accounts.items() if 0 < note.rank < mine.rank
    )[:AHEAD_MAX]
    names = await accounts.names(connection, [each for _, each in before])
    return [
        Ahead(
            account=each,
            account_name=names[each],
            rank=rank,
            allocated_slots=last.accounts[each].allocated_slots,
            entitlement_slots=last.accounts[each].entitlement_slots,
        )
        for rank, each in before
        if each in names
    ]


async def elsewhere(
    connection: Connection, last: Board, pool: str, needs: Resources, *, silent_seconds: float
) -> str | None:
    """The pool where the job would start now: there are slots that no waiting job can use."""
    free: dict[str, int] = {}
    for kind in last.classes:
        if kind.pool != pool and kind.is_gpu == (needs.gpus > 0) and kind.free_slots:
            free[kind.pool] = free.get(kind.pool, 0) + kind.free_slots
    for other, slots in sorted(free.items(), key=lambda pair: (-pair[1], pair[0]))[:POOLS_MAX]:
        hosts = await jobs.pool(
            connection, other, silent_seconds=silent_seconds, hosts_max=HOSTS_EXAMINED_MAX
        )
        if slots >= needs.slots and any(heard and suits(needs, facts) for facts, heard in hosts):
            return other
    return None
