"""Budgets of GPU-seconds: set by admins, drawn on by what accounts run."""

from broker.errors import InvalidInput
from broker.protocol.groups import GroupChange, GroupRequest
from broker.protocol.ids import AccountId, GroupId
from broker.protocol.quotas import Budget, QuotaRequest
from broker.storage import budgets
from broker.storage.budgets import Holder
from broker.storage.database import Connection

Request = QuotaRequest | GroupRequest | GroupChange
FIELDS = frozenset({"gpu_seconds_budget", "budget_period_days"})


async def of_account(connection: Connection, account: AccountId) -> Budget | None:
    """The account's own budget."""
    return (await budgets.of(connection, accounts=[account])).get((account, None))


async def _of_group(connection: Connection, group: GroupId | None) -> Budget | None:
    return (await budgets.of(connection, groups=[group] if group else [])).get((None, group))


async def change(connection: Connection, holder: Holder, request: Request) -> None:
    """Makes, changes or removes a budget as far as the request names it.

    Raises:
        InvalidInput: a period without a budget.
    """
    named = FIELDS & request.model_fields_set
    if not named:
        return
    account, group = holder
    now = await (of_account(connection, account) if account else _of_group(connection, group))
    seconds = request.gpu_seconds_budget
    if "gpu_seconds_budget" not in named:
        seconds = now.gpu_seconds if now else None
    days = request.budget_period_days
    if "budget_period_days" not in named:
        days = now.period_days if now else None
    if seconds is None:
        if days is not None and "budget_period_days" in named:
            raise InvalidInput.of("/budget_period_days", "there is no gpu_seconds_budget")
        await budgets.remove(connection, holder)
        return
    # What its accounts used before must not count, and must count where they draw already.
    drawing = [account] if account else await budgets.members(connection, group) if group else []
    await budgets.carry(connection, drawing)
    await budgets.put(connection, holder, seconds, days)
