"""Explanations: the facts behind `domain.explanations`, gathered from everywhere."""

from typing import Any

import orjson

from broker.domain.estimates import start_estimate
from broker.domain.explanations import (
    BudgetStanding,
    Explained,
    Waiting,
    explain_waiting,
)
from broker.domain.fates import Ended, Held, explain_ended, explain_held
from broker.errors import Unavailable
from broker.protocol.ids import JobId, LaneId
from broker.protocol.jobs import Explanation
from broker.protocol.leases import Usage
from broker.protocol.quotas import Budget
from broker.protocol.resources import WHOLE, JobLimits, Resources
from broker.protocol.states import ACTIVE_STATES, AccountState, JobState, Outcome
from broker.queues import lanes
from broker.services.context import Services
from broker.services.jobs.comparisons import compare_jobs
from broker.services.jobs.jobs import authorised_row
from broker.services.plans import board, estimates, surroundings
from broker.services.plans.board import Board
from broker.services.requests.actor import Actor
from broker.storage import budgets, jobs
from broker.storage.database import Connection

HOSTS_EXAMINED_MAX = 2_000


async def explain(
    services: Services, actor: Actor, job: JobId, against: JobId | None = None
) -> Explanation:
    """Why a job is where it is, and why another one, also to be seen, started before it.

    Raises:
        NotFound: one of them does not exist, or is not to be seen.
    """
    async with services.database.connection() as connection:
        row = await authorised_row(connection, actor, job)
        comparison = None
        if against is not None:
            other = await authorised_row(connection, actor, against)
            comparison = await compare_jobs(connection, row, other)
        state = JobState(row["state"])
        if state is JobState.QUEUED:
            facts = await _of_pool(services, connection, row)
        elif state not in ACTIVE_STATES:
            attempts = await jobs.attempts(connection, job)
    if state is JobState.QUEUED:
        explanation = await _of_waiting(services, job, row, facts)
    elif state in ACTIVE_STATES:
        explanation = _view(job, state, explain_held(held(row)))
    else:
        ending = explain_ended(ended(row, [dict(each) for each in attempts]))
        explanation = _view(job, state, ending)
    return explanation.model_copy(update={"comparison": comparison})


async def _of_waiting(
    services: Services, job: JobId, row: dict[str, Any], facts: dict[str, Any]
) -> Explanation:
    """A queued job's explanation, with who comes first, an estimate, and where it would start."""
    try:
        last, ahead = await _look(services, row)
    except Unavailable:
        return _view(job, JobState.QUEUED, explain_waiting(Waiting(**facts, queue_away=True)))
    known = _of_plan(last, ahead, row)
    waiting = Waiting(**facts, **known)
    view = _view(job, JobState.QUEUED, explain_waiting(waiting))
    start = start_estimate(waiting.jobs_ahead, waiting.lane, waiting.standing)
    silent = services.settings.host_silent_seconds
    world = services.access.world
    place = world.nodes.get(row["node_id"])
    project = place.project_id if place else None
    async with services.database.connection() as connection:
        return view.model_copy(
            update={
                "ahead": await surroundings.ahead(connection, last, row["account_id"]),
                "start": estimates.view(start) if start else None,
                "pool_now": await surroundings.elsewhere(
                    connection,
                    last,
                    row["pool"],
                    waiting.needs,
                    serves=lambda pool: world.pool_serves(pool, project),
                    silent_seconds=silent,
                ),
            }
        )


def _view(job: JobId, state: JobState, explained: Explained) -> Explanation:
    return Explanation(
        job=job,
        state=state,
        reason=explained.reason,
        sentence=explained.sentence,
        numbers=explained.numbers,
    )


async def _of_pool(
    services: Services, connection: Connection, row: dict[str, Any]
) -> dict[str, Any]:
    """What PostgreSQL knows of a waiting job, as fields of `Waiting`."""
    silent = services.settings.host_silent_seconds
    backoff = await jobs.backing_off(connection, row["id"]) if row["failures"] else None
    returned = await jobs.handed_back(connection, row["id"]) if row["lease_epoch"] else 0
    return {
        "account": row["account_name"],
        "account_active": row["account_state"] == AccountState.ACTIVE,
        "pool": row["pool"],
        "needs": Resources.model_validate_json(row["resources"]),
        "failures": row["failures"],
        "backoff_seconds": backoff,
        "handed_back": returned,
        "budget": budget_standing(await budgets.tightest(connection, row["account_id"])),
        "hosts": await jobs.pool(
            connection, row["pool"], silent_seconds=silent, hosts_max=HOSTS_EXAMINED_MAX
        ),
    }


def budget_standing(tightest: tuple[str, Budget] | None) -> BudgetStanding | None:
    """The budget with least left, as a fact of an explanation."""
    if tightest is None:
        return None
    holder, budget = tightest
    used = budget.spent_gpu_seconds + budget.reserved_gpu_seconds
    return BudgetStanding(holder, budget.gpu_seconds, used, budget.resets_at)


async def _look(services: Services, row: dict[str, Any]) -> tuple[Board, int | None]:
    """(the last plan, own jobs before this one in its lane).

    Raises:
        Unavailable: Redis is away.
    """
    last = await board.read(services.queues)
    lane, job = LaneId(row["lane_id"]), JobId(row["id"])
    return last, await lanes.position(services.queues, lane, job)


def _of_plan(last: Board, ahead: int | None, row: dict[str, Any]) -> dict[str, Any]:
    """What the last plan and the queue know of a job, as fields of `Waiting`."""
    note = last.lanes.get(LaneId(row["lane_id"]))
    limits = JobLimits.model_validate_json(row["limits"])
    return {
        "plan_age_seconds": estimates.age_seconds(last),
        "lane": estimates.lane_standing(note, limits) if note else None,
        "standing": estimates.account_standing(last, row["account_id"]),
        "jobs_ahead": ahead,
        "capacity_slots": last.capacity_slots,
        "free_slots": last.free_slots,
    }


def held(row: dict[str, Any]) -> Held:
    """A leased job's facts, by database time."""
    needs = Resources.model_validate_json(row["resources"])
    return Held(
        state=JobState(row["state"]),
        host=row["host_name"] or "(removed)",
        epoch=row["lease_epoch"],
        cancelling=row["cancel_requested"],
        held_seconds=(row["read_at"] - row["leased_at"]).total_seconds(),
        lease_seconds_left=(row["lease_expires_at"] - row["read_at"]).total_seconds(),
        leased_at=row["leased_at"],
        limits=JobLimits.model_validate_json(row["limits"]),
        slots=needs.slots * needs.hosts * row["slot_eighths"] / WHOLE,
    )


def ended(row: dict[str, Any], attempts: list[dict[str, Any]]) -> Ended:
    """An ended job's facts."""
    last = attempts[-1] if attempts else None
    return Ended(
        state=JobState(row["state"]),
        attempts=len(attempts),
        failures=row["failures"],
        needs=Resources.model_validate_json(row["resources"]),
        limits=JobLimits.model_validate_json(row["limits"]),
        outcome=Outcome(last["outcome"]) if last else None,
        exit_code=row["exit_code"],
        message=last["message"] if last else "",
        host=last["host_name"] if last else None,
        usage=Usage.model_validate(orjson.loads(last["usage"])) if last else Usage(),
        debited_gpu_seconds=last["debited_gpu_seconds"] if last else 0.0,
    )
