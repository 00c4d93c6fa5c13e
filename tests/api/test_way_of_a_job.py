"""A job's way through the broker, played over HTTP: submit, lease, renew, report."""

from tests.support.running import Running


async def test_a_submitted_job_is_leased_and_its_report_ends_it(broker: Running) -> None:
    await broker.app()
    ann = await broker.client("ann", submit_all_apps=True)
    agent = await broker.agent()

    receipt = (
        await ann.post("/v1/batches", {"app": "sleep", "jobs": [{"parameters": {"seconds": 1}}]})
    ).expect(201)
    (lease,) = await agent.leases()

    assert lease["job"] == receipt["first_job"]
    assert lease["parameters"] == {"seconds": 1.0}
    assert await agent.report([lease], usage={"wall_seconds": 0.001}) == ["ok"]
    assert await agent.report([lease]) == ["stored"]
