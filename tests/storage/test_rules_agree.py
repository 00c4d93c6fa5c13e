"""Rules that stand twice, in Python for one job and in SQL for a thousand, say the same."""

import itertools
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from broker.domain import averages
from broker.domain.credit import COBBLESTONES_PER_GFLOPS_SECOND
from broker.domain.jobs import EVENT_OF_OUTCOME, TRANSITIONS, after_attempt, transition
from broker.protocol.ids import HostId, JobId
from broker.protocol.states import TERMINAL_STATES, JobState, Outcome
from broker.services.hosts.settling import RULES
from broker.storage import leases
from broker.storage.database import Connection, Database
from broker.storage.leases import Settlement

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def put_job(connection: Connection, state: JobState, **columns: object) -> None:
    """Job 1 in a state, with the columns that the state demands."""
    values: dict[str, object] = {"id": 1, "batch_id": 1, "lane_id": 1, "parameters": "{}"}
    values |= {"state": state, "host_id": 1, "lease_epoch": 1, "leased_at": NOW} | columns
    if state in (JobState.LEASED, JobState.RUNNING):
        values["lease_expires_at"] = NOW
    if state in TERMINAL_STATES:
        values["finished_at"] = NOW
    names = ", ".join(values)
    places = ", ".join(f"${k}" for k in range(1, len(values) + 1))
    await connection.execute("DELETE FROM job")
    await connection.execute(f"INSERT INTO job ({names}) VALUES ({places})", *values.values())


async def make_world(connection: Connection) -> None:
    """An account, a lane that allows three attempts, a host and a batch, each with id 1; node 3 is
    the account's workspace."""
    await connection.execute(
        """
        INSERT INTO account (name) VALUES ('ann');
        INSERT INTO account_usage (account_id, jobs_open) VALUES (1, 1000);
        INSERT INTO node (id, kind, parent_id, name) VALUES (4, 'app', 1, 'app');
        INSERT INTO app (id) VALUES (4);
        INSERT INTO app_version (app_id, number, spec, created_by) VALUES (4, 1, '{}', 1);
        INSERT INTO lane (account_id, version_id, pool, resources, limits, slots, attempts_max)
        VALUES (1, 1, 'default', '{}', '{}', 1, 3);
        INSERT INTO host (account_id, name, pool, facts, gflops) VALUES (1, 'h', 'p', '{}', 1);
        INSERT INTO host_credit (host_id) VALUES (1);
        INSERT INTO batch (id, account_id, lane_id, app_id, node_id, jobs)
        VALUES (1, 1, 1, 4, 3, 1000)"""
    )


async def test_the_database_allows_exactly_the_transitions_of_the_table(
    database: Database,
) -> None:
    allowed = {(source, target) for (source, _), target in TRANSITIONS.items()}
    async with database.connection() as connection:
        for source, target in itertools.permutations(JobState, 2):
            await put_job(connection, source)
            change = connection.execute(
                "UPDATE job SET state = $1::job_state,"
                " lease_expires_at = CASE WHEN $1::text IN ('leased', 'running') THEN now() END,"
                " finished_at = CASE WHEN $1::text = ANY ($2::text[]) THEN now() END",
                target,
                list(TERMINAL_STATES),
            )
            if (source, target) in allowed:
                await change
            else:
                with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
                    await change
                assert refused.value.constraint_name == "job_transition_allowed"


@pytest.mark.parametrize("outcome", Outcome)
async def test_settling_in_sql_is_after_attempt(database: Database, outcome: Outcome) -> None:
    async with database.connection() as connection:
        await make_world(connection)
        for failures, cancel in itertools.product(range(4), (False, True)):
            await put_job(connection, JobState.RUNNING, failures=failures, cancel_requested=cancel)
            await connection.execute("TRUNCATE attempt, ledger")
            report = Settlement(JobId(1), 1, HostId(1), outcome, None, "", 0.0, "{}")
            (settled,) = await leases.settle(
                connection,
                [report],
                RULES,
                half_life_seconds=averages.HALF_LIFE_SECONDS,
                cobblestones_per_gflops_second=COBBLESTONES_PER_GFLOPS_SECOND,
            )
            event = after_attempt(
                outcome, failures=failures, attempts_max=3, cancel_requested=cancel
            )
            assert settled.state == transition(JobState.RUNNING, event), (failures, cancel)


def test_every_outcome_has_a_rule() -> None:
    assert {rule.outcome for rule in RULES} == set(EVENT_OF_OUTCOME) == set(Outcome)


@pytest.mark.parametrize("seconds", [-50.0, 0.0, 1e-9, 0.5, 60.0, 86_400.0, 7e6, 1e9])
@pytest.mark.parametrize("half_life", [1.0, 3_600.0, 604_800.0])
async def test_averages_in_sql_are_those_in_python(
    database: Database, seconds: float, half_life: float
) -> None:
    later = NOW + timedelta(seconds=seconds)
    exact = (later - NOW).total_seconds()  # microseconds are all that a timestamp holds
    async with database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT decayed(5, $1, $2, $3) AS decayed, recent_average(5, $1, $2, 7, $3) AS average",
            NOW,
            later,
            half_life,
        )
    assert row["decayed"] == pytest.approx(5 * averages.decay(exact, half_life), rel=1e-12)
    expected = averages.recent_average(5, exact, 7, half_life)
    assert row["average"] == pytest.approx(expected, rel=1e-9)


async def test_the_ledger_is_append_only(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO ledger (job_id, epoch, account_id, host_id, amount, kind)"
            " VALUES (1, 1, 1, 1, 1, 'debit')"
        )
        for statement in ("UPDATE ledger SET amount = 2", "DELETE FROM ledger"):
            with pytest.raises(asyncpg.IntegrityConstraintViolationError):
                await connection.execute(statement)
