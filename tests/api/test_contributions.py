"""Donated credit, points of the portal, and how policies combine (rule B17)."""

from typing import Any

import pytest

from tests.api.test_groups import etag
from tests.support.http import Http
from tests.support.running import Running

MIX = "/v1/quotas/mix"
EQUAL_MIX = {"manual": 1, "own_hosts": 1, "donated": 1, "contribution": 1}


async def weight(http: Http, account: str, **change: Any) -> float:
    """The weight in force of an account, after a change of its quota."""
    reply = await http.patch(f"/v1/accounts/{account}/quota", change)
    return float(reply.expect(200)["weight"])


async def volunteer(broker: Running, name: str, credit: float) -> Http:
    """An account whose two hosts earn so much a day together."""
    http = await broker.client(name)
    for number in (1, 2):
        await broker.agent(f"{name}-{number}", owner=http)
    async with broker.services.database.connection() as connection:
        await connection.execute(
            "UPDATE host_credit SET credit_recent = $1, recent_at = now() FROM host, account"
            " WHERE host.id = host_id AND account.id = host.account_id AND account.name = $2",
            credit / 2,
            name,
        )
    return http


def gift(**fractions: float) -> dict[str, Any]:
    return {"donations": [{"to": to, "fraction": part} for to, part in fractions.items()]}


async def test_rule_B17_volunteers_assign_parts_of_their_credit(broker: Running) -> None:
    vic, val = await volunteer(broker, "vic", 1000), await volunteer(broker, "val", 100)
    await broker.client("ann")
    await broker.client("bob")
    given = (await vic.put("/v1/accounts/vic/donations", gift(ann=0.25, bob=0.75))).expect(200)
    assert [(d["to_name"], d["fraction"]) for d in given["donations"]] == [
        ("ann", 0.25),
        ("bob", 0.75),
    ]
    assert given["credit_recent"] == pytest.approx(1000, rel=1e-3)
    (await val.put("/v1/accounts/val/donations", gift(ann=1))).expect(200)
    assert await weight(broker.admin, "ann", policy="donated") == pytest.approx(350, rel=1e-3)
    assert await weight(broker.admin, "bob", policy="donated") == pytest.approx(750, rel=1e-3)
    assert await weight(broker.admin, "vic", policy="donated") == 0
    assert await weight(broker.admin, "vic", policy="own_hosts") == pytest.approx(1000, rel=1e-3)
    # all at once replaces: bob gets nothing any more
    (await vic.put("/v1/accounts/vic/donations", gift(ann=0.5))).expect(200)
    assert await weight(broker.admin, "ann") == pytest.approx(600, rel=1e-3)
    assert await weight(broker.admin, "bob") == 0


async def test_rule_B17_nobody_gives_away_more_than_everything(broker: Running) -> None:
    vic = await broker.client("vic")
    for name in ("ann", "bob"):
        await broker.client(name)
    path = "/v1/accounts/vic/donations"
    tenths = {"donations": [{"to": "ann", "fraction": 0.1}]}
    for body, pointer in (
        (gift(ann=0.6, bob=0.5), "/donations"),
        (gift(ann=0), "/donations/0/fraction"),
        (gift(ann=-0.1), "/donations/0/fraction"),
        (gift(ann=1.5), "/donations/0/fraction"),
        (gift(ann=0.5, nobody=0.5), "/donations/1/to"),
        (gift(ann=0.5, vic=0.5), "/donations/1/to"),
        ({"donations": tenths["donations"] * 2}, "/donations/1/to"),
    ):
        reply = await vic.put(path, body)
        reply.problem(422, "invalid_input")
        assert reply.pointers() == [pointer], body
    reply = await vic.put(path, b'{"donations": [{"to": "ann", "fraction": NaN}]}')
    reply.problem(422, "invalid_input")
    assert (await vic.get(path)).expect(200)["donations"] == []
    (await vic.put(path, gift(ann=0.3, bob=0.7))).expect(200)


async def test_donations_are_the_volunteers_own_business(broker: Running) -> None:
    vic, ann = await broker.client("vic"), await broker.client("ann")
    path = "/v1/accounts/vic/donations"
    (await ann.put(path, gift(ann=1))).problem(403, "forbidden")
    (await ann.get(path)).problem(403, "forbidden")
    read = await vic.get(path)
    mine = {"If-Match": etag(read)}
    (await vic.put(path, gift(ann=1), headers=mine)).expect(200)
    (await vic.put(path, gift(ann=0.5), headers=mine)).problem(412, "precondition_failed")


async def test_who_is_deleted_neither_gives_nor_gets(broker: Running) -> None:
    vic = await volunteer(broker, "vic", 1000)
    await broker.client("ann")
    await broker.client("bob")
    (await vic.put("/v1/accounts/vic/donations", gift(ann=0.5, bob=0.5))).expect(200)
    (await broker.admin.delete("/v1/accounts/bob")).expect(200)
    left = (await vic.get("/v1/accounts/vic/donations")).expect(200)["donations"]
    assert [each["to_name"] for each in left] == ["ann"]
    (await broker.admin.delete("/v1/accounts/vic")).expect(200)
    assert await weight(broker.admin, "ann", policy="donated") == 0


async def test_rule_B17_points_of_the_portal_add_up_and_halve_with_time(broker: Running) -> None:
    await broker.client("ann")
    await broker.client("bob")
    points = [("ann", 10), ("bob", 4), ("ann", 2.5)]
    body = {"contributions": [{"account": who, "points": many} for who, many in points]}
    answer = (await broker.admin.post("/v1/contributions", body, key="week-1")).expect(200)
    assert [(p["account_name"], p["points"]) for p in answer["items"]] == [
        ("ann", 12.5),
        ("bob", 4),
    ]
    again = await broker.admin.post("/v1/contributions", body, key="week-1")
    assert again.expect(200) == answer  # a repeated push counts once
    assert await weight(broker.admin, "ann", policy="contribution") == pytest.approx(12.5, rel=1e-3)
    async with broker.services.database.connection() as connection:
        await connection.execute(
            "UPDATE contribution SET points_at = now() - $1::float8 * interval '1 second'",
            broker.services.settings.half_life_seconds,
        )
    assert await weight(broker.admin, "ann") == pytest.approx(6.25, rel=1e-3)
    one = {"contributions": [{"account": "ann", "points": 1}]}
    after = (await broker.admin.post("/v1/contributions", one)).expect(200)
    assert after["items"][0]["points"] == pytest.approx(7.25, rel=1e-3)


async def test_points_are_all_or_nothing_and_pushed_by_admins(broker: Running) -> None:
    ann = await broker.client("ann")
    good = {"account": "ann", "points": 1}
    (await ann.post("/v1/contributions", {"contributions": [good]})).problem(403, "forbidden")
    for bad, pointer in (
        ({"account": "nobody", "points": 1}, "/contributions/1/account"),
        ({"account": "Not A Handle", "points": 1}, "/contributions/1/account"),
        ({"account": "ann", "points": -1}, "/contributions/1/points"),
    ):
        reply = await broker.admin.post("/v1/contributions", {"contributions": [good, bad]})
        reply.problem(422, "invalid_input")
        assert reply.pointers() == [pointer]
    assert await weight(broker.admin, "ann", policy="contribution") == 0


async def test_rule_B17_an_admin_sets_how_the_policies_combine(broker: Running) -> None:
    vic = await volunteer(broker, "vic", 1000)
    ann = await volunteer(broker, "ann", 200)
    (await vic.put("/v1/accounts/vic/donations", gift(ann=0.1))).expect(200)
    points = {"contributions": [{"account": "ann", "points": 30}]}
    (await broker.admin.post("/v1/contributions", points)).expect(200)
    assert await weight(broker.admin, "ann", quota=5) == 5
    before = await ann.get(MIX)
    assert before.expect(200) == {"manual": 1, "own_hosts": 0, "donated": 0, "contribution": 0}
    (await ann.put(MIX, EQUAL_MIX)).problem(403, "forbidden")
    tag = {"If-Match": etag(before)}
    mix = {"manual": 2, "own_hosts": 0.5, "donated": 1, "contribution": 0.1}
    (await broker.admin.put(MIX, mix, headers=tag)).expect(200)
    (await broker.admin.put(MIX, EQUAL_MIX, headers=tag)).problem(412, "precondition_failed")
    expected = 2 * 5 + 0.5 * 200 + 100 + 0.1 * 30
    assert await weight(broker.admin, "ann") == pytest.approx(expected, rel=1e-3)
    assert await weight(broker.admin, "ann", policy="manual") == 5
    for bad, pointer in ((EQUAL_MIX | {"donated": -1}, "/donated"), ({"manual": 1}, "/own_hosts")):
        reply = await broker.admin.put(MIX, bad)
        reply.problem(422, "invalid_input")
        assert reply.pointers()[0] == pointer
