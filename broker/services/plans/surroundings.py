"""What stands around a waiting job: who comes first, and where it would start now."""

from collections import defaultdict
from collections.abc import Callable

from broker.domain.matching import suits
from broker.protocol.ids import AccountId
from broker.protocol.jobs import Ahead
from broker.protocol.resources import WHOLE, Resources
from broker.services.plans.board import Board, ClassNote
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
    connection: Connection,
    last: Board,
    pool: str,
    needs: Resources,
    *,
    serves: Callable[[str], bool],
    silent_seconds: float,
) -> str | None:
    """Another pool where the job would start now; the one with most free slots first.

    Args:
        serves: whether a pool takes jobs of the job's project.
    """
    free = {
        other: slots
        for other, slots in _free(last, needs).items()
        if other != pool and serves(other)
    }
    for other, _ in sorted(free.items(), key=lambda pair: (-pair[1], pair[0]))[:POOLS_MAX]:
        if await starts_now(connection, last, other, needs, silent_seconds=silent_seconds):
            return other
    return None


async def starts_now(
    connection: Connection, last: Board, pool: str, needs: Resources, *, silent_seconds: float
) -> bool:
    """Whether the job would start now in a pool: slots are there that no waiting job can use."""
    if _free(last, needs).get(pool, 0) < needs.slots_least:
        return False
    hosts = await jobs.pool(
        connection, pool, silent_seconds=silent_seconds, hosts_max=HOSTS_EXAMINED_MAX
    )
    return any(heard and suits(needs, facts) for facts, heard in hosts)


def _free(last: Board, needs: Resources) -> dict[str, float]:
    """Slots of the wanted kind that no waiting job can use, by pool; of parts those of the smallest
    size in the pool that suits, as the leader has it."""
    suiting = [kind for kind in last.classes if _suits(needs, kind) and kind.capacity_slots]
    size: dict[str, int] = {}
    for kind in suiting:
        size[kind.pool] = min(kind.eighths, size.get(kind.pool, WHOLE))
    free: dict[str, float] = defaultdict(float)
    for kind in suiting:
        if kind.eighths == size[kind.pool]:
            free[kind.pool] += kind.free_slots
    return {pool: slots for pool, slots in free.items() if slots}


def _suits(needs: Resources, kind: ClassNote) -> bool:
    """Whether slots are of the sort and size that a job asks for; model and memory left out."""
    if needs.gpu_eighths == WHOLE:
        return kind.is_gpu == (needs.gpus > 0) and kind.eighths == WHOLE
    return kind.is_gpu and needs.gpu_eighths <= kind.eighths < WHOLE
