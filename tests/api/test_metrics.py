"""Metrics over HTTP: what is counted, and that labels stay few."""

import time

from prometheus_client.parser import text_string_to_metric_families

from broker.api.metrics import Metrics
from tests.api.scene import scientist, submit
from tests.support.running import Running
from tests.support.until import until

Labels = frozenset[tuple[str, str]]


async def samples(broker: Running) -> dict[tuple[str, Labels], float]:
    """All samples by name and labels."""
    reply = await broker.anonymous.get("/metrics")
    assert reply.status == 200
    assert reply.headers["Content-Type"].startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(reply.content.decode())
        for sample in family.samples
    }


def labels(**named: str) -> Labels:
    return frozenset(named.items())


async def test_requests_are_counted_by_route_and_status(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    for batch in (await submit(ann), await submit(ann)):
        (await ann.get(f"/v1/batches/{batch}")).expect(200)
    (await ann.get("/v1/batches/batch_999")).problem(404, "not_found")
    found = await samples(broker)
    route = {"method": "GET", "route": "/v1/batches/{batch}"}
    name = "fairlead_http_requests_total"
    assert found[name, labels(**route, status="200")] == 2
    assert found[name, labels(**route, status="404")] == 1
    assert found["fairlead_http_request_seconds_count", labels(**route)] == 3


async def test_callers_cannot_make_labels(broker: Running) -> None:
    sizes = []
    for turn in range(3):
        for k in range(10):
            await broker.anonymous.get(f"/nowhere/{turn}/{k}")
            await broker.anonymous.call("REPORT", f"/v1/batches/{turn}/{k}")
            await broker.anonymous.call("PATCH", f"/v1/batches/batch_{turn}{k}")
        found = await samples(broker)  # without the scheduler's, of which one more may come by now
        sizes.append(sum(name.startswith("fairlead_http_") for name, _ in found))
    assert sizes[0] > 0
    assert sizes[1] == sizes[2]


async def test_services_tell_their_numbers(broker: Running) -> None:
    await broker.app()
    ann, agent = await scientist(broker), await broker.agent()
    await submit(ann, 3)
    await agent.leases(3)
    # the leases are out before the cycle that granted them has ended
    await until(lambda: broker.services.dispatch.cycles > 0)
    found = await samples(broker)
    assert found["fairlead_leases_granted_total", labels()] == 3
    assert found["fairlead_leading", labels()] == 1
    assert found["fairlead_scheduler_cycles_total", labels()] > 0
    assert found["fairlead_polls_open", labels()] == 0
    assert found["fairlead_outbox_rows", labels()] == 0
    assert found["fairlead_database_connections", labels()] >= 1


async def test_jobs_are_counted_once_when_accepted_and_by_outcome_when_settled(
    broker: Running,
) -> None:
    await broker.app()
    ann, agent = await scientist(broker), await broker.agent()
    body = {"app": "sleep", "jobs": [{}] * 3}
    for _ in range(2):
        (await ann.post("/v1/batches", body, key="once")).expect(201)
    lines = b'{"app":"sleep"}\n' + b"{}\n" * 2
    ndjson = {"Content-Type": "application/x-ndjson"}
    (await ann.post("/v1/batches", lines, headers=ndjson)).expect(201)
    leases = await agent.leases(3)
    await agent.report(leases[:1], outcome="failed", exit_code=1)
    for _ in range(2):
        await agent.report(leases[1:3])
    found = await samples(broker)
    assert found["fairlead_jobs_accepted_total", labels()] == 5
    settled = "fairlead_attempts_settled_total"
    assert found[settled, labels(outcome="succeeded")] == 2
    assert found[settled, labels(outcome="failed")] == 1
    assert found[settled, labels(outcome="lost")] == 0

    (await ann.post(f"/v1/batches/{leases[0]['batch']}:rerun", {"only": "failed"})).expect(201)
    assert (await samples(broker))["fairlead_jobs_accepted_total", labels()] == 6


async def test_names_of_people_never_become_labels(broker: Running) -> None:
    await broker.app("secret-app")
    ann = await broker.client("secret-person", submit_all_apps=True)
    await submit(ann, app="secret-app")
    reply = await broker.anonymous.get("/metrics")
    assert b"secret" not in reply.content


def test_counting_a_request_costs_less_than_ten_microseconds() -> None:
    metrics = Metrics()
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(2_000):
            metrics.observe("GET", "/v1/jobs/{job}", 200, 0.004)
        best = min(best, (time.perf_counter() - started) / 2_000)
    assert best < 10e-6
