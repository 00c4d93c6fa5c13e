"""The fair-share table: who is due what, who has what. Quotas are public within a deployment."""

from collections.abc import Mapping
from datetime import UTC, datetime

from broker.protocol.ids import AccountId
from broker.protocol.shares import Share, Shares
from broker.services import board
from broker.services.board import AccountNote, Board
from broker.services.context import Services
from broker.services.identity import Actor
from broker.storage import shares
from broker.storage.shares import ShareRow

ACCOUNTS_MAX = 10_000
IDLE = AccountNote(0.0, 0.0, 0.0, 0.0, 0, 0, 0, 0.0)


async def table(services: Services, actor: Actor) -> Shares:
    """A row for each account with jobs or usage, those that want most first.

    Raises:
        Unavailable: Redis is away, which holds the last plan.
    """
    actor.require()
    last = await board.read(services.queues)
    async with services.database.connection() as connection:
        rows = await shares.accounts(
            connection,
            list(last.accounts),
            half_life_seconds=services.settings.half_life_seconds,
            accounts_max=ACCOUNTS_MAX,
        )
    return merged(last, {row.id: row for row in rows})


def merged(last: Board, rows: Mapping[AccountId, ShareRow]) -> Shares:
    """The plan's numbers with the accounts' names."""
    total = sum(note.weight for note in last.accounts.values())
    items = [share(row, last.accounts.get(row.id), total) for row in rows.values()]
    items.sort(key=lambda s: (-s.allocated_slots - s.pending_jobs, -s.quota, s.account_name))
    planned = datetime.fromtimestamp(last.planned_at, UTC) if last.planned_at else None
    return Shares(capacity_slots=last.capacity_slots, planned_at=planned, items=items)


def share(row: ShareRow, note: AccountNote | None, total_weight: float) -> Share:
    """One row. An account that wants nothing now has no part in the plan: zeros."""
    in_plan = note or IDLE
    return Share(
        account=row.id,
        account_name=row.name,
        quota=note.weight if note else row.weight,
        quota_fraction=in_plan.weight / total_weight if total_weight > 0 else 0.0,
        usage_gpu_seconds=note.usage_gpu_seconds if note else row.usage_gpu_seconds,
        weight_adjusted=in_plan.weight_adjusted,
        entitlement_slots=in_plan.entitlement_slots,
        allocated_slots=in_plan.allocated_slots,
        pending_jobs=in_plan.pending_jobs,
    )
