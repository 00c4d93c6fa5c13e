"""Quotas: set by admins, weighed by a policy, edited without losing another's change."""

import asyncio

import pytest

from tests.support.http import Reply
from tests.support.running import Running

PATH = "/v1/accounts/ann/quota"


def etag(reply: Reply) -> str:
    """The entity tag; header names have no case."""
    return {name.lower(): value for name, value in reply.headers.items()}["etag"]


async def test_a_patch_changes_what_it_names(broker: Running) -> None:
    ann = await broker.client("ann")
    before = (await ann.get(PATH)).expect(200)
    assert (before["quota"], before["policy"]) == (1, "combined")
    (await broker.admin.patch(PATH, {"quota": 5})).expect(200)
    body = {"jobs_in_progress_max": 7, "quota": None}
    after = (await broker.admin.patch(PATH, body)).expect(200)
    assert (after["quota"], after["weight"], after["jobs_in_progress_max"]) == (5, 5, 7)
    assert (await broker.admin.patch(PATH, {})).expect(200) == after


async def test_rule_B10_nobody_else_sets_or_sees_a_quota(broker: Running) -> None:
    ann, bob = await broker.client("ann"), await broker.client("bob")
    (await ann.patch(PATH, {"quota": 100})).problem(403, "forbidden")
    (await bob.get(PATH)).problem(403, "forbidden")


async def test_a_bad_field_is_named(broker: Running) -> None:
    await broker.client("ann")
    before = (await broker.admin.get(PATH)).expect(200)
    numbers = ("quota", "minimum_slots", "maximum_slots", "gpu_seconds_budget")
    for body, pointer in (
        *[
            (b'{"%s": %s}' % (name.encode(), bad), f"/{name}")
            for name in numbers
            for bad in (b"-1", b"NaN", b"Infinity", b"-Infinity", b"1e400", b'"NaN"', b'"much"')
        ],
        (b'{"minimum_slots": 5, "maximum_slots": 3}', "/minimum_slots"),
        (b'{"quota": 1, "quota_until": "2001-01-01T00:00:00Z"}', "/quota_until"),
        (b'{"quota": -1}', "/quota"),
        (b'{"quota": 1e13}', "/quota"),
        (b'{"quota": 1e400}', "/quota"),
        (b'{"quota": NaN}', "/quota"),
        (b'{"policy": "fair"}', "/policy"),
        (b'{"jobs_in_progress_max": 100000001}', "/jobs_in_progress_max"),
        (b'{"jobs_in_progress_max": 1.5}', "/jobs_in_progress_max"),
        (b'{"weight": 3}', "/weight"),
    ):
        reply = await broker.admin.patch(PATH, body)
        reply.problem(422, "invalid_input")
        assert reply.pointers() == [pointer], body
    assert (await broker.admin.get(PATH)).expect(200) == before


async def test_a_bad_mix_is_named_and_nothing_changes(broker: Running) -> None:
    path = "/v1/quotas/mix"
    before = (await broker.admin.get(path)).expect(200)
    for bad in ("-1", "NaN", "Infinity", '"much"', "null"):
        body = f'{{"manual": 1, "own_hosts": {bad}, "donated": 0, "contribution": 0}}'
        reply = await broker.admin.put(path, body.encode())
        reply.problem(422, "invalid_input")
        assert reply.pointers() == ["/own_hosts"], bad
    assert (await broker.admin.get(path)).expect(200) == before


async def test_a_stale_etag_is_refused(broker: Running) -> None:
    await broker.client("ann")
    read = await broker.admin.get(PATH)
    mine = {"If-Match": etag(read)}
    changed = await broker.admin.patch(PATH, {"quota": 2}, headers=mine)
    assert changed.expect(200)["quota"] == 2
    (await broker.admin.patch(PATH, {"quota": 3}, headers=mine)).problem(412, "precondition_failed")
    fresh = {"If-Match": f'"else", {etag(changed)}'}
    (await broker.admin.patch(PATH, {"quota": 3}, headers=fresh)).expect(200)
    (await broker.admin.patch(PATH, {"quota": 4}, headers={"If-Match": "*"})).expect(200)


async def test_of_two_people_with_one_etag_one_wins(broker: Running) -> None:
    await broker.client("ann")
    tag = {"If-Match": etag(await broker.admin.get(PATH))}
    replies = await asyncio.gather(
        *(broker.admin.patch(PATH, {"quota": 10 + n}, headers=tag) for n in range(5))
    )
    assert sorted(reply.status for reply in replies) == [200, 412, 412, 412, 412]


async def test_usage_does_not_change_the_etag(broker: Running) -> None:
    await broker.client("ann")
    before = etag(await broker.admin.get(PATH))
    async with broker.services.database.connection() as connection:
        await connection.execute("UPDATE account_usage SET usage_gpu_seconds = 1000")
    reply = await broker.admin.get(PATH)
    assert etag(reply) == before
    assert reply.expect(200)["usage_gpu_seconds"] == pytest.approx(1000, rel=1e-3)


async def test_rule_B17_weight_from_own_hosts_decays_with_time(broker: Running) -> None:
    ann = await broker.client("ann")
    for name in ("one", "two"):
        await broker.agent(name, owner=ann)
    half_life = broker.services.settings.half_life_seconds
    async with broker.services.database.connection() as connection:
        await connection.execute(
            "UPDATE host_credit SET credit_recent = 100, "
            "recent_at = now() - $1::float8 * interval '1 second'",
            half_life,
        )
    quota = (await broker.admin.patch(PATH, {"policy": "own_hosts"})).expect(200)
    assert quota["credit_recent"] == pytest.approx(100, rel=1e-3)
    assert quota["weight"] == quota["credit_recent"]
    assert (await broker.admin.patch(PATH, {"policy": "manual"})).expect(200)["weight"] == 1


async def test_the_limit_of_jobs_in_progress_holds(broker: Running) -> None:
    await broker.app()
    ann = await broker.client("ann", submit_all_apps=True)
    (await broker.admin.patch(PATH, {"jobs_in_progress_max": 2})).expect(200)
    (await ann.post("/v1/batches", {"app": "sleep", "jobs": [{}] * 3})).problem(
        429, "limit_exceeded"
    )
    (await ann.post("/v1/batches", {"app": "sleep", "jobs": [{}] * 2})).expect(201)
    assert (await ann.get(PATH)).expect(200)["jobs_in_progress"] == 2


async def test_rule_B17_a_boost_ends_by_itself_and_the_former_quota_is_back(
    broker: Running,
) -> None:
    await broker.client("ann", quota=2)
    body = {"quota": 50, "quota_until": "2100-01-01T00:00:00Z"}
    boosted = (await broker.admin.patch(PATH, body)).expect(200)
    assert (boosted["quota"], boosted["weight"], boosted["quota_afterwards"]) == (50, 50, 2)
    assert boosted["quota_until"] == "2100-01-01T00:00:00Z"
    async with broker.services.database.connection() as connection:
        await connection.execute(
            "UPDATE user_submit SET quota_boost_until = now() WHERE quota_boost IS NOT NULL"
        )
    after = (await broker.admin.get(PATH)).expect(200)
    assert (after["quota"], after["weight"]) == (2, 2)
    assert (after["quota_until"], after["quota_afterwards"]) == (None, None)


async def test_a_quota_without_an_end_ends_a_boost(broker: Running) -> None:
    await broker.client("ann", quota=2)
    body = {"quota": 50, "quota_until": "2100-01-01T00:00:00Z"}
    (await broker.admin.patch(PATH, body)).expect(200)
    (await broker.admin.patch(PATH, {"jobs_in_progress_max": 5})).expect(200)
    assert (await broker.admin.get(PATH)).expect(200)["quota"] == 50
    after = (await broker.admin.patch(PATH, {"quota": 3})).expect(200)
    assert (after["quota"], after["quota_until"]) == (3, None)


async def test_an_end_that_makes_no_sense_is_named(broker: Running) -> None:
    await broker.client("ann")
    for body in (
        {"quota": 5, "quota_until": "2020-01-01T00:00:00Z"},
        {"quota_until": "2100-01-01T00:00:00Z"},
        {"quota": 5, "quota_until": "2100-01-01T00:00:00"},
    ):
        reply = await broker.admin.patch(PATH, body)
        reply.problem(422, "invalid_input")
        assert reply.pointers() == ["/quota_until"], body
