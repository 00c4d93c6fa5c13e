"""Admission: new jobs are counted against every limit, or refused with the limit's name.

Limits are the account's `jobs_in_progress_max`, that of each group above it, and the budgets of
GPU-seconds on which it draws. A submission, a stream and a rerun come through here.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from broker.domain.words import amount
from broker.errors import ExceededLimit, LimitExceeded
from broker.protocol.ids import AccountId
from broker.protocol.resources import JobLimits, Resources
from broker.storage import admission
from broker.storage.admission import Breach
from broker.storage.database import Connection, Database

RETRY_SECONDS = 30
RETRY_SECONDS_MAX = 86_400


@dataclass(frozen=True, slots=True)
class Ask:
    """Jobs that want to be admitted. `gpu_seconds` is the most that their limits let them use, on
    parts of GPUs no larger than asked for."""

    account: AccountId
    jobs: int
    gpu_seconds: float


def ask(account: AccountId, jobs: int, needs: Resources, bounds: JobLimits) -> Ask:
    """So many jobs of the same needs and limits."""
    return Ask(account, jobs, float(jobs) * needs.slots_least * bounds.wall_seconds)


async def admit(connection: Connection, asks: Sequence[Ask]) -> list[LimitExceeded | None]:
    """Counts the jobs of each ask, or says which limit refuses it; inside a transaction.

    An account's asks stand or fall together unless they must be told apart, which is when the sum
    does not fit: then they are counted one by one.
    """
    sums: dict[AccountId, int] = defaultdict(int)
    for each in asks:
        sums[each.account] += each.jobs
    counted = await admission.count(connection, sums)
    answers: list[LimitExceeded | None] = [None] * len(asks)
    for place, each in enumerate(asks):
        if each.account in sums and each.account not in counted:
            answers[place] = await _count_alone(connection, each)
    if not any(counted.values()) and len(counted) == len(sums):
        return answers
    suspects = sorted({each.account for each, no in zip(asks, answers, strict=True) if not no})
    if not suspects or not (beyond := await admission.breaches(connection, suspects)):
        return answers
    held: dict[AccountId, int] = defaultdict(int)
    places = [
        place for place, each in enumerate(asks) if each.account in beyond and not answers[place]
    ]
    for place in places:
        held[asks[place].account] += asks[place].jobs
    await admission.uncount(connection, held)
    for place in places:
        answers[place] = await _count_checked(connection, asks[place])
    return answers


async def require(connection: Connection, one: Ask) -> None:
    """Counts the jobs of one ask.

    Raises:
        LimitExceeded: a limit refuses it.
    """
    (refusal,) = await admit(connection, [one])
    if refusal:
        raise refusal


async def would_admit(database: Database, one: Ask) -> None:
    """As `require`, and counts nothing.

    Raises:
        LimitExceeded: a limit would refuse it.
    """
    async with database.connection() as connection:
        trial = connection.transaction()
        await trial.start()
        try:
            await require(connection, one)
        finally:
            await trial.rollback()


async def _count_alone(connection: Connection, one: Ask) -> LimitExceeded | None:
    """Counts one ask against the account's own limit."""
    if await admission.count(connection, {one.account: one.jobs}):
        return None
    return refusal(one, await admission.of_account(connection, one.account))


async def _count_checked(connection: Connection, one: Ask) -> LimitExceeded | None:
    """Counts one ask against all limits."""
    if no := await _count_alone(connection, one):
        return no
    if not (beyond := await admission.breaches(connection, [one.account])):
        return None
    await admission.uncount(connection, {one.account: one.jobs})
    breach = beyond[one.account]
    if breach.name == "gpu_seconds_budget":
        return refusal(one, breach)
    before = Breach(breach.name, breach.holder, breach.allowed, breach.used - one.jobs)
    return refusal(one, before)


def refusal(one: Ask, breach: Breach) -> LimitExceeded:
    """The answer to an ask that a limit refuses; `breach` as it stands without the ask."""
    if breach.name == "gpu_seconds_budget":
        asked = one.gpu_seconds
        text = (
            f"the budget of {breach.holder} is used up: {amount(breach.used)} of "
            f"{amount(breach.allowed)} GPU-seconds, with what runs now; asked for up to "
            f"{amount(asked)} ({one.jobs:,} jobs at their limits); "
        )
        text += (
            f"it starts anew at {breach.resets_at:%Y-%m-%d %H:%M} UTC; nothing was stored"
            if breach.resets_at
            else "an admin can raise it; nothing was stored"
        )
    else:
        asked = one.jobs
        text = (
            f"{one.jobs:,} jobs do not fit: {breach.holder} has {breach.used:,.0f} in progress of "
            f"at most {breach.allowed:,.0f} (jobs_in_progress_max); nothing was stored"
        )
    wait = RETRY_SECONDS if breach.resets_seconds is None else math.ceil(breach.resets_seconds)
    limit = ExceededLimit(
        breach.name, breach.holder, breach.allowed, breach.used, asked, breach.resets_at
    )
    return LimitExceeded(
        text, retry_after_seconds=min(max(wait, 1), RETRY_SECONDS_MAX), limit=limit
    )
