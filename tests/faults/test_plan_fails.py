"""The planner raises an exception: jobs go on, in the order of quotas, and an alarm counts it."""

from typing import Any

import pytest
import structlog

from broker.services.leader import dispatch
from tests.api.scene import scientist, submit
from tests.support.running import Running
from tests.support.until import until


class Broken:
    """Takes the place of `plan`."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, *_: Any, **__: Any) -> Any:
        self.calls += 1
        raise ZeroDivisionError("a fault that a test injected")


async def metric(broker: Running, name: str) -> float:
    text = (await broker.anonymous.get("/metrics")).content.decode()
    return float(next(line.split()[1] for line in text.splitlines() if line.startswith(name + " ")))


async def test_jobs_go_on_by_quota_when_the_plan_fails_and_fairly_when_it_works_again(
    broker: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await broker.app()
    ann, bob = await scientist(broker, quota=1.0), await scientist(broker, "bob", quota=3.0)
    assert await metric(broker, "fairlead_scheduler_fallbacks_total") == 0
    with monkeypatch.context() as patched, structlog.testing.capture_logs() as logs:
        broken = Broken()
        patched.setattr(dispatch, "plan", broken)
        await submit(ann, 8)
        await submit(bob, 4)
        await submit(ann, resources={"hosts": 2})  # waits for the planner

        async def counted() -> bool:
            return await metric(broker, "fairlead_scheduler_fallbacks_total") > 0

        agent = await broker.agent(slots=6)
        leases = await agent.leases(6)
        await until(counted)
        assert broken.calls > 0
    jobs = sorted(int(lease["job"].removeprefix("job_")) for lease in leases)
    assert jobs == [1, 2, 9, 10, 11, 12]  # all of bob's, who has the greater quota; then ann's
    failed = [entry for entry in logs if entry["log_level"] == "error"]
    assert failed
    assert failed[0]["exc_info"]
    assert len(failed) == 1  # written out once a minute, counted each time
    before = await metric(broker, "fairlead_scheduler_fallbacks_total")
    await submit(bob, 8)
    await agent.report(leases)
    again = await agent.leases(6)
    owners = sorted(int(lease["job"].removeprefix("job_")) > 12 for lease in again)
    assert 1 <= owners.count(False) <= 3  # ann gets about a quarter: the plan divides again
    assert await metric(broker, "fairlead_scheduler_fallbacks_total") == before


async def test_fairness_error_tells_what_accounts_lack(broker: Running) -> None:
    await broker.app()
    ann, bob = await scientist(broker), await scientist(broker, "bob")
    agent = await broker.agent(slots=4)
    await submit(ann, 8)
    leases = await agent.leases(4)

    async def fair() -> bool:
        return await metric(broker, "fairlead_fairness_error") == 0

    async def lacking() -> bool:
        # bob wants two of the four slots that ann holds: two of four are missing
        error = await metric(broker, "fairlead_fairness_error")
        return 0.4 <= error <= 0.7

    await until(fair)
    await submit(bob, 8)
    await until(lacking)
    assert 0 <= await metric(broker, "fairlead_fairness_error_average") <= 1
    assert leases
