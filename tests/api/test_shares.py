"""The fair-share table over HTTP."""

from typing import Any

import pytest

from tests.api.scene import scientist, submit
from tests.support.http import Http
from tests.support.running import Running
from tests.support.until import until


async def row_of(http: Http, name: str, **expected: Any) -> dict[str, Any]:
    """An account's row once it shows the expected numbers."""
    row: dict[str, Any] = {}

    async def shown() -> bool:
        table = (await http.get("/v1/shares")).expect(200)
        row.clear()
        row.update(next((r for r in table["items"] if r["account_name"] == name), {}))
        return bool(row) and all(row[key] == value for key, value in expected.items())

    await until(shown, told=lambda: f"expected {expected}, got {row}")
    return row


async def test_table_shows_who_is_due_what_and_who_has_what(broker: Running) -> None:
    await broker.app()
    ann, bob = await scientist(broker, quota=3.0), await scientist(broker, "bob", quota=1.0)
    agent = await broker.agent(slots=4)
    await submit(ann, 8)
    await submit(bob, 8)
    await row_of(ann, "bob", pending_jobs=8)  # an ask before that would be all ann's
    leases = await agent.leases(4)
    assert len(leases) == 4

    row = await row_of(ann, "ann", allocated_slots=3, pending_jobs=5)
    assert (row["quota"], row["quota_fraction"]) == (3, 0.75)
    assert row["entitlement_slots"] == pytest.approx(3, rel=0.2)
    row = await row_of(ann, "bob", allocated_slots=1, pending_jobs=7)
    assert row["quota_fraction"] == 0.25
    table = (await bob.get("/v1/shares")).expect(200)
    assert table["capacity_slots"] == 4
    assert table["planned_at"].endswith("Z")
    names = [row["account_name"] for row in table["items"]]
    assert names == ["ann", "bob"]  # accounts that never asked for anything are not there
    assert "sleep" not in str(table)


async def test_account_that_only_used_something_shows_its_history(broker: Running) -> None:
    await broker.app()
    ann, agent = await scientist(broker), await broker.agent()
    await submit(ann)
    (lease,) = await agent.leases()
    async with broker.services.database.connection() as connection:  # a minute ago, not just now
        await connection.execute("UPDATE job SET leased_at = leased_at - interval '1 minute'")
    await agent.report([lease], usage={"wall_seconds": 10})
    row = await row_of(ann, "ann", pending_jobs=0, allocated_slots=0, quota_fraction=0)
    assert row["usage_gpu_seconds"] == pytest.approx(10, rel=0.01)
    assert (row["quota"], row["entitlement_slots"]) == (1, 0)


async def test_table_is_empty_before_anything_happened(broker: Running) -> None:
    table = (await broker.admin.get("/v1/shares")).expect(200)
    assert (table["items"], table["capacity_slots"]) == ([], 0)


async def test_rule_B3_slots_follow_quotas_under_contention_and_nobody_is_held_back_without(
    broker: Running,
) -> None:
    await broker.app()
    ann, bob = await scientist(broker, quota=3.0), await scientist(broker, "bob", quota=1.0)
    agent = await broker.agent(slots=4)
    await submit(bob, 4)
    alone = await agent.leases(4)  # the whole fleet, although his quota is the smaller one
    await submit(ann, 8)
    await submit(bob, 8)
    await row_of(ann, "bob", pending_jobs=8)
    await agent.report(alone)
    await agent.leases(4)
    assert (await row_of(ann, "ann", allocated_slots=3))["quota_fraction"] == 0.75
    assert (await row_of(ann, "bob", allocated_slots=1))["quota_fraction"] == 0.25
