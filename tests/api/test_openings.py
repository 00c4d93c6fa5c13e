"""Break-glass over HTTP: a manager reads one strictly personal batch, for a reason and a while."""

from typing import Any

import pytest

from tests.api.scene import job_of, scientist
from tests.api.sse import stream
from tests.api.test_departures import kind, ran
from tests.api.test_token_scopes import token
from tests.support.http import Http
from tests.support.running import Running


@pytest.fixture
async def secret(broker: Running) -> tuple[Http, str]:
    """Ann, and a strictly personal batch of hers that has ended."""
    strict = await kind(broker, "strict_personal")
    ann = await scientist(broker)
    return ann, await ran(broker, ann, strict)


def paths(batch: str) -> list[str]:
    job = f"/v1/jobs/{job_of(batch)}"
    return [
        f"/v1/batches/{batch}",
        job,
        f"{job}/explain",
        f"{job}/outputs",
        f"{job}/outputs/result.txt",
        f"{job}/logs/stdout",
        f"/v1/jobs?batch={batch}",
    ]


async def opened(http: Http, batch: str, **more: Any) -> dict[str, Any]:
    body = {"reason": "an incident", **more}
    made: dict[str, Any] = (await http.post(f"/v1/batches/{batch}:break-glass", body)).expect(201)
    return made


async def test_rule_H10_a_manager_reads_after_breaking_the_glass(
    broker: Running, secret: tuple[Http, str]
) -> None:
    _, batch = secret
    for path in paths(batch):
        (await broker.admin.get(path)).problem(404, "not_found")
    made = await opened(broker.admin, batch)
    assert (made["batch"], made["account_name"], made["reason"]) == (batch, "admin", "an incident")
    for path in paths(batch):
        assert (await broker.admin.get(path)).status == 200, path
    reply = await broker.admin.get(f"/v1/jobs/{job_of(batch)}/outputs/result.txt")
    assert reply.content == b"found strict-personal"


async def test_rule_H10_reading_is_all_that_the_glass_opens(
    broker: Running, secret: tuple[Http, str]
) -> None:
    _, batch = secret
    other = await broker.client("other", admin_all_apps=True)
    keeper = await broker.client("keeper", apps={"strict-personal": {"admin": True}})
    await opened(broker.admin, batch)
    for verb in ("cancel", "rerun"):
        reply = await broker.admin.post(f"/v1/batches/{batch}:{verb}", {})
        reply.problem(404, "not_found")
    for path in ("/v1/batches", "/v1/jobs", "/v1/batches?account=ann"):
        assert (await broker.admin.get(path)).expect(200)["items"] == []
    for http in (other, keeper):  # another manager has not opened it
        (await http.get(f"/v1/batches/{batch}")).problem(404, "not_found")


async def test_rule_H10_only_managers_break_it_and_only_where_there_is_glass(
    broker: Running, secret: tuple[Http, str]
) -> None:
    ann, batch = secret
    plain = await ran(broker, ann, await kind(broker, "personal"))
    keeper = await broker.client("keeper", apps={"strict-personal": {"admin": True}})
    body = {"reason": "an incident"}
    (await ann.post(f"/v1/batches/{batch}:break-glass", body)).problem(403, "forbidden")
    (await keeper.post(f"/v1/batches/{batch}:break-glass", body)).problem(404, "not_found")
    reader = await token(broker.admin, "admin", "read")
    (await reader.post(f"/v1/batches/{batch}:break-glass", body)).problem(403, "forbidden")
    (await broker.admin.post(f"/v1/batches/{plain}:break-glass", body)).problem(409, "conflict")
    (await broker.admin.post("/v1/batches/batch_99999:break-glass", body)).problem(404, "not_found")
    for bad, pointer in (
        ({}, "/reason"),
        ({"reason": " x  "}, "/reason"),
        ({**body, "seconds": 0}, "/seconds"),
        ({**body, "seconds": 86_401}, "/seconds"),
    ):
        reply = await broker.admin.post(f"/v1/batches/{batch}:break-glass", bad)
        reply.problem(422, "invalid_input")
        assert reply.pointers() == [pointer]
    (await broker.admin.get(f"/v1/batches/{batch}")).problem(404, "not_found")


async def test_rule_H10_the_glass_closes_by_itself(
    broker: Running, secret: tuple[Http, str]
) -> None:
    _, batch = secret
    await opened(broker.admin, batch)
    (await broker.admin.get(f"/v1/batches/{batch}")).expect(200)
    async with broker.services.database.connection() as connection:
        await connection.execute("UPDATE opening SET expires_at = now()")
    for path in paths(batch):
        (await broker.admin.get(path)).problem(404, "not_found")
    # who ceases to be a manager sees nothing, whatever was opened
    other = await broker.client("other", admin_all_apps=True)
    await opened(other, batch)
    (await other.get(f"/v1/batches/{batch}")).expect(200)
    (await broker.admin.put("/v1/accounts/other/privileges", {})).expect(200)
    (await other.get(f"/v1/batches/{batch}")).problem(404, "not_found")


async def test_rule_H10_the_owner_is_told_and_the_audit_log_keeps_it(
    broker: Running, secret: tuple[Http, str]
) -> None:
    ann, batch = secret
    bob = await scientist(broker, "bob")
    path = f"/v1/batches/{batch}/openings"
    assert (await ann.get(path)).expect(200)["items"] == []
    (await broker.admin.get(path)).problem(404, "not_found")
    async with stream(ann, "/v1/events") as to_ann:
        made = await opened(broker.admin, batch, seconds=60)
        event = await to_ann.data()
    assert (event["kind"], event["batch"]) == ("opened", batch)
    assert (await ann.get(path)).expect(200)["items"] == [made]
    (await bob.get(path)).problem(404, "not_found")
    (entry,) = (await broker.admin.get("/v1/audit/log?action=batch.break_glass")).expect(200)[
        "items"
    ]
    assert entry["details"]["body"] == {"reason": "an incident", "seconds": 60}
    assert entry["account_name"] == "admin"
    assert batch in entry["objects"]
