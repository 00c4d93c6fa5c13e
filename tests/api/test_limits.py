"""Limits of jobs and budgets of GPU-seconds: told at submission, held by every way in."""

import asyncio
from typing import Any

import pytest

from tests.api.scene import scientist, submit
from tests.api.test_groups import GROUPS, group
from tests.support.http import Http, Reply
from tests.support.running import Running
from tests.support.until import until

BODY = {"app": "sleep", "resources": {"cpus": 2}, "limits": {"wall_seconds": 100}}


async def ask(http: Http, jobs: int) -> Reply:
    return await http.post("/v1/batches", {**BODY, "jobs": [{}] * jobs})


async def members(broker: Running, name: str, *accounts: str) -> list[Http]:
    """Scientists of a group."""
    made = []
    for account in accounts:
        made.append(await scientist(broker, account))
        (await broker.admin.put(f"{GROUPS}/{name}/accounts/{account}")).expect(200)
    return made


def refused(reply: Reply) -> dict[str, Any]:
    """The limit that a refusal names."""
    limit: dict[str, Any] = reply.problem(429, "limit_exceeded")["limit"]
    return limit


async def spend(broker: Running, account: str, gpu_seconds: float) -> None:
    """As reports of so many GPU-seconds would."""
    async with broker.services.database.connection() as connection:
        await connection.execute(
            "UPDATE account_usage SET debited_gpu_seconds = debited_gpu_seconds + $1 FROM account"
            " WHERE account.id = account_id AND account.name = $2",
            gpu_seconds,
            account,
        )


async def test_the_refusal_names_limit_holder_use_and_ask(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    (await broker.admin.patch("/v1/accounts/ann/quota", {"jobs_in_progress_max": 5})).expect(200)
    (await ask(ann, 3)).expect(201)
    assert refused(await ask(ann, 4)) == {
        "name": "jobs_in_progress_max",
        "holder": "account ann",
        "allowed": 5,
        "used": 3,
        "asked": 4,
        "resets_at": None,
    }
    (await ask(ann, 2)).expect(201)


async def test_members_of_a_group_share_its_limit_of_jobs(broker: Running) -> None:
    await broker.app()
    await group(broker.admin, "physics", jobs_in_progress_max=5)
    await group(broker.admin, "lab", parent="physics")
    ann, bob = await members(broker, "lab", "ann", "bob")
    (carl,) = await members(broker, "physics", "carl")
    eve = await scientist(broker, "eve")
    (await ask(ann, 3)).expect(201)
    limit = refused(await ask(bob, 3))
    assert (limit["holder"], limit["used"], limit["asked"]) == ("group physics", 3, 3)
    (await ask(bob, 1)).expect(201)
    (await ask(carl, 1)).expect(201)
    for each in (ann, bob, carl):
        assert refused(await ask(each, 1))["used"] == 5
    (await ask(eve, 50)).expect(201)
    assert (await ann.get(f"{GROUPS}/physics")).expect(200)["jobs_in_progress"] == 5
    assert (await ann.get("/v1/accounts/ann/quota")).expect(200)["jobs_in_progress"] == 3


async def test_submissions_at_the_same_moment_take_no_more_than_there_is(broker: Running) -> None:
    await broker.app()
    await group(broker.admin, "lab", jobs_in_progress_max=7)
    people = await members(broker, "lab", "ann", "bob", "carl", "dan")
    replies = await asyncio.gather(*(ask(people[k % 4], 2) for k in range(12)))
    assert sorted(reply.status for reply in replies) == [201] * 3 + [429] * 9
    (await ask(people[0], 1)).expect(201)
    assert refused(await ask(people[1], 1))["used"] == 7


async def test_streams_reruns_and_dry_runs_meet_the_same_limits(broker: Running) -> None:
    await broker.app()
    await group(broker.admin, "lab", jobs_in_progress_max=4)
    (ann,) = await members(broker, "lab", "ann")
    batch = await submit(ann, 3)
    lines = b'{"app": "sleep"}\n{}\n{}\n'
    ndjson = {"Content-Type": "application/x-ndjson"}
    limit = refused(await ann.post("/v1/batches", lines, headers=ndjson))
    assert (limit["holder"], limit["used"], limit["asked"]) == ("group lab", 3, 2)
    rerun = refused(await ann.post(f"/v1/batches/{batch}:rerun", {"only": "all"}))
    assert (rerun["holder"], rerun["asked"]) == ("group lab", 3)
    dry = await ann.post("/v1/batches?dry_run=true", {**BODY, "jobs": [{}] * 2})
    assert refused(dry)["holder"] == "group lab"
    assert (await ann.get("/v1/accounts/ann/quota")).expect(200)["jobs_in_progress"] == 3
    (await ann.post("/v1/batches?dry_run=true", {**BODY, "jobs": [{}]})).expect(200)
    assert (await ann.get("/v1/accounts/ann/quota")).expect(200)["jobs_in_progress"] == 3
    (await ann.post(f"/v1/batches/{batch}:cancel")).expect(200)
    (await ann.post("/v1/batches", lines, headers=ndjson)).expect(201)


async def test_a_refused_submission_may_come_again_with_its_key(broker: Running) -> None:
    await broker.app()
    await group(broker.admin, "lab", jobs_in_progress_max=1)
    (ann,) = await members(broker, "lab", "ann")
    body = {**BODY, "jobs": [{}] * 2}
    refused(await ann.post("/v1/batches", body, key="again"))
    (await broker.admin.patch(f"{GROUPS}/lab", {"jobs_in_progress_max": None})).expect(200)
    (await ann.post("/v1/batches", body, key="again")).expect(201)


async def test_a_budget_that_is_used_up_is_told_with_its_end(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    body = {"gpu_seconds_budget": 1000, "budget_period_days": 30}
    budget = (await broker.admin.patch("/v1/accounts/ann/quota", body)).expect(200)["budget"]
    assert (budget["gpu_seconds"], budget["spent_gpu_seconds"]) == (1000, 0)
    (await ask(ann, 1)).expect(201)
    await spend(broker, "ann", 999)
    (await ask(ann, 1)).expect(201)
    await spend(broker, "ann", 51)
    reply = await ask(ann, 4)
    assert refused(reply) == {
        "name": "gpu_seconds_budget",
        "holder": "account ann",
        "allowed": 1000,
        "used": 1050,
        "asked": 400,
        "resets_at": budget["resets_at"],
    }
    assert "nothing was stored" in reply.json["detail"]
    assert int(reply.headers["Retry-After"]) == 86_400  # at most a day


async def test_a_budget_starts_anew_after_its_period(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    body = {"gpu_seconds_budget": 10, "budget_period_days": 2}
    (await broker.admin.patch("/v1/accounts/ann/quota", body)).expect(200)
    await spend(broker, "ann", 10)
    refused(await ask(ann, 1))
    async with broker.services.database.connection() as connection:
        await connection.execute("UPDATE budget SET started_at = now() - interval '5 days'")
        await connection.execute(
            "UPDATE account_usage SET budgeted_gpu_seconds = debited_gpu_seconds"
        )
        await connection.execute("UPDATE budget SET spent_gpu_seconds = 10")
    (await ask(ann, 1)).expect(201)


async def test_a_groups_budget_counts_what_members_used_while_they_belonged_to_it(
    broker: Running,
) -> None:
    await broker.app()
    await group(broker.admin, "lab-a", gpu_seconds_budget=100)
    await group(broker.admin, "lab-b", gpu_seconds_budget=100)
    ann, bob = await members(broker, "lab-a", "ann", "bob")
    await spend(broker, "ann", 60)
    (await broker.admin.put(f"{GROUPS}/lab-b/accounts/ann")).expect(200)
    await spend(broker, "ann", 30)
    await spend(broker, "bob", 39)

    async def spent(name: str) -> float:
        shown = (await broker.admin.get(f"{GROUPS}/{name}")).expect(200)
        return float(shown["budget"]["spent_gpu_seconds"])

    assert await spent("lab-a") == pytest.approx(99)
    assert await spent("lab-b") == pytest.approx(30)
    (await ask(bob, 1)).expect(201)
    await spend(broker, "bob", 1)
    limit = refused(await ask(bob, 1))
    assert (limit["holder"], limit["resets_at"]) == ("group lab-a", None)
    (await ask(ann, 1)).expect(201)
    # what was used before there was a budget does not count
    await group(broker.admin, "lab-c")
    (dan,) = await members(broker, "lab-c", "dan")
    await spend(broker, "dan", 500)
    (await broker.admin.patch(f"{GROUPS}/lab-c", {"gpu_seconds_budget": 5})).expect(200)
    assert await spent("lab-c") == 0
    (await ask(dan, 1)).expect(201)
    (await broker.admin.patch(f"{GROUPS}/lab-c", {"gpu_seconds_budget": None})).expect(200)
    assert (await broker.admin.get(f"{GROUPS}/lab-c")).expect(200)["budget"] is None


async def test_moving_a_group_takes_along_nothing_that_was_used(broker: Running) -> None:
    await group(broker.admin, "old", gpu_seconds_budget=100)
    await group(broker.admin, "new", gpu_seconds_budget=100)
    await group(broker.admin, "lab", parent="old")
    await members(broker, "lab", "ann")
    await spend(broker, "ann", 40)
    (await broker.admin.patch(f"{GROUPS}/lab", {"parent": "new"})).expect(200)
    await spend(broker, "ann", 2)
    for name, expected in (("old", 40), ("new", 2)):
        shown = (await broker.admin.get(f"{GROUPS}/{name}")).expect(200)
        assert shown["budget"]["spent_gpu_seconds"] == pytest.approx(expected)


async def test_who_is_over_budget_gets_nothing_more_leased_and_is_told(broker: Running) -> None:
    await broker.app()
    ann, bob = await scientist(broker), await scientist(broker, "bob")
    body = {"gpu_seconds_budget": 150, "budget_period_days": 30}
    (await broker.admin.patch("/v1/accounts/ann/quota", body)).expect(200)
    agent = await broker.agent(slots=8)
    (await ask(ann, 6)).expect(201)  # of up to 100 GPU-seconds each
    leases = await agent.leases(2)  # a job starts while anything is left

    async def told() -> bool:
        answer = (await ann.get("/v1/jobs/job_6/explain")).expect(200)
        return bool(answer["reason"] == "budget_exhausted" and "account ann" in answer["sentence"])

    await until(told)
    assert (await agent.poll(6, wait=1.5))["leases"] == []
    (await ask(bob, 1)).expect(201)  # slots are free for others
    assert len(await agent.leases(1, free=6)) == 1

    async def reserved() -> bool:
        quota = (await ann.get("/v1/accounts/ann/quota")).expect(200)
        return bool(quota["budget"]["reserved_gpu_seconds"] == 200)

    await until(reserved)
    assert refused(await ask(ann, 1))["used"] == 200
    # The first one took no time: the others are expected to be as short, and may go on.
    await agent.report(leases[:1], usage={"wall_seconds": 0.0})
    assert len(await agent.leases(4)) == 4
    async with broker.services.database.connection() as connection:
        debited = await connection.fetchval(
            "SELECT debited_gpu_seconds FROM account_usage JOIN account ON id = account_id"
            " WHERE name = 'ann'"
        )
    assert debited < 1


async def test_a_members_use_stops_the_whole_group(broker: Running) -> None:
    await broker.app()
    await group(broker.admin, "lab", gpu_seconds_budget=1000)
    ann, bob = await members(broker, "lab", "ann", "bob")
    (await ask(bob, 3)).expect(201)
    await spend(broker, "ann", 1000)

    async def told() -> bool:
        answer = (await bob.get("/v1/jobs/job_1/explain")).expect(200)
        return bool(answer["reason"] == "budget_exhausted" and "group lab" in answer["sentence"])

    agent = await broker.agent(slots=4)
    await until(told)
    assert (await agent.poll(wait=1.5))["leases"] == []
    (await broker.admin.patch(f"{GROUPS}/lab", {"gpu_seconds_budget": 2000})).expect(200)
    assert len(await agent.leases(3)) == 3
    (await ask(ann, 1)).expect(201)
