"""The fair-share table: who is due what, who has what. Quotas are public within a deployment."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from broker.protocol.ids import AccountId, GroupId
from broker.protocol.shares import GroupShare, Share, Shares
from broker.services.context import Services
from broker.services.plans import board
from broker.services.plans.board import AccountNote, Board, GroupNote
from broker.services.requests.actor import Actor
from broker.storage import groups, shares
from broker.storage.groups import TreeRow
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
        tree = await groups.tree(connection)
    return merged(last, {row.id: row for row in rows}, tree)


def merged(last: Board, rows: Mapping[AccountId, ShareRow], tree: Sequence[TreeRow] = ()) -> Shares:
    """The plan's numbers with the accounts' names."""
    total = sum(note.weight for note in last.accounts.values())
    items = [share(row, last.accounts.get(row.id), total) for row in rows.values()]
    items.sort(key=lambda s: (-s.allocated_slots - s.pending_jobs, -s.quota, s.account_name))
    planned = datetime.fromtimestamp(last.planned_at, UTC) if last.planned_at else None
    return Shares(
        capacity_slots=last.capacity_slots,
        planned_at=planned,
        items=items,
        groups=group_shares(last, rows, tree),
    )


def group_shares(
    last: Board, rows: Mapping[AccountId, ShareRow], tree: Sequence[TreeRow]
) -> list[GroupShare]:
    """A row for each group; one that was made since the last plan has no part in it: zeros."""
    above = {row.id: row.parent for row in tree}
    pending: dict[GroupId, int] = defaultdict(int)
    for account, row in rows.items():
        note, group = last.accounts.get(account), row.group_id
        while note and group is not None:
            pending[group] += note.pending_jobs
            group = above.get(group)
    found = []
    for each in sorted(tree, key=lambda row: row.name):
        in_plan = last.groups.get(each.id) or GroupNote(each.weight, 0.0, 0.0, 0)
        found.append(
            GroupShare(
                group=each.id,
                group_name=each.name,
                parent=each.parent,
                weight=each.weight,
                weight_adjusted=in_plan.weight_adjusted,
                minimum_slots=each.minimum_slots,
                maximum_slots=each.maximum_slots,
                entitlement_slots=in_plan.entitlement_slots,
                allocated_slots=in_plan.allocated_slots,
                pending_jobs=pending[each.id],
            )
        )
    return found


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
        group=row.group_id,
    )
