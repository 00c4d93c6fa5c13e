"""A batch of a table: one job for each row, its columns mapped to parameters."""

from typing import Any

import pytest

from broker.protocol.nodes import Role
from tests.api.scene import job_of, scientist
from tests.support.http import Http, Reply
from tests.support.places import NodeId, project, share
from tests.support.running import Running

SPEC: dict[str, Any] = {
    "command": ["true"],
    "parameters": {
        "seed": {"type": "integer", "minimum": 1},
        "t": {"type": "number", "default": 2.5},
        "label": {"type": "string", "default": "none"},
    },
}
COLUMNS = [
    {"name": "seed", "type": "integer"},
    {"name": "t", "type": "number"},
    {"name": "title", "type": "text"},
    {"name": "keep", "type": "boolean"},
]
ROWS = [
    {"seed": 7, "t": 0.5, "title": "cold", "keep": True},
    {"seed": 8, "t": None, "title": None, "keep": True},
    {"seed": 9, "t": 1.0, "title": "hot", "keep": False},
]
TABLE = "/v1/tables/lab%2Fruns"


async def scene(broker: Running, rows: list[dict[str, Any]] = ROWS) -> tuple[Http, NodeId]:
    """An executor of a project that has a table, and may use an app."""
    await broker.app("ising", SPEC)
    ann = await scientist(broker)
    node = await project(broker, "lab", [(ann, Role.EXECUTOR)])
    body = {"name": "runs", "project": "lab", "columns": COLUMNS}
    (await ann.post("/v1/tables", body)).expect(201)
    if rows:
        (await ann.post(f"{TABLE}/rows", {"rows": rows})).expect(201)
    return ann, node


async def submit(http: Http, query: str = "", **fields: Any) -> Reply:
    return await http.post(f"/v1/batches{query}", {"app": "ising", "table": "lab/runs", **fields})


async def jobs(http: Http, batch: str, count: int) -> list[tuple[str, dict[str, Any]]]:
    """(name, parameters) of the jobs of a batch."""
    found = []
    for index in range(count):
        job = (await http.get(f"/v1/jobs/{job_of(batch, index)}")).expect(200)
        found.append((job["name"], job["parameters"]))
    return found


async def test_each_row_becomes_a_job(broker: Running) -> None:
    ann, _ = await scene(broker)
    receipt = (await submit(ann)).expect(201)
    assert receipt["jobs"] == 3
    assert await jobs(ann, receipt["id"], 3) == [
        ("row 1", {"seed": 7, "t": 0.5, "label": "none"}),
        ("row 2", {"seed": 8, "t": 2.5, "label": "none"}),  # null takes the default
        ("row 3", {"seed": 9, "t": 1.0, "label": "none"}),
    ]


async def test_columns_constants_names_and_a_filter_are_the_submitters(broker: Running) -> None:
    ann, _ = await scene(broker)
    fields = {
        "columns": {"seed": "seed", "label": "title"},
        "constants": {"t": 4},
        "where": {"keep": True},
        "job_name": "title",
        "project": "lab",
    }
    receipt = (await submit(ann, **fields)).expect(201)
    batch = receipt["id"]
    assert await jobs(ann, batch, receipt["jobs"]) == [
        ("cold", {"seed": 7, "t": 4.0, "label": "cold"}),
        (job_of(batch, 1), {"seed": 8, "t": 4.0, "label": "none"}),
    ]


async def test_a_dry_run_checks_every_row_and_stores_nothing(broker: Running) -> None:
    ann, _ = await scene(broker)
    assert (await submit(ann, "?dry_run=true")).expect(200)["jobs"] == 3
    assert (await ann.get("/v1/batches")).expect(200)["items"] == []


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({"columns": {"x": "seed", "seed": "seed"}}, ["/columns/x"]),
        ({"columns": {"seed": "nothing"}}, ["/columns/seed"]),
        ({"columns": {"seed": "t"}}, ["/columns/seed"]),
        ({"columns": {"t": "t"}}, ["/columns/seed"]),
        ({"columns": {}}, ["/columns/seed"]),
        ({"constants": {"x": 1}}, ["/constants/x"]),
        ({"columns": {"seed": "seed"}, "constants": {"seed": 1}}, ["/constants/seed"]),
        ({"constants": {"t": "warm"}}, ["/constants/t"]),
        ({"where": {"x": 1}}, ["/where/x"]),
        ({"where": {"seed": 100}}, ["/where"]),
        ({"job_name": "x"}, ["/job_name"]),
        ({"table": "lab/none"}, ["/table"]),
        ({"jobs": [{}]}, ["/table"]),
        ({"table": None, "jobs": [{}], "where": {}}, None),
    ],
)
async def test_what_does_not_fit_is_named_and_stores_nothing(
    broker: Running, fields: dict[str, Any], pointers: list[str] | None
) -> None:
    ann, _ = await scene(broker)
    reply = await submit(ann, **fields)
    reply.problem(422, "invalid_input")
    assert pointers is None or reply.pointers() == pointers
    assert (await ann.get("/v1/batches")).expect(200)["items"] == []


async def test_a_row_that_does_not_fit_is_named_with_its_column(broker: Running) -> None:
    rows = [{"seed": 1}, {"seed": 0, "title": "x" * 300}, {"seed": None}]
    ann, _ = await scene(broker, rows)
    (await ann.post(f"{TABLE}/rows:delete", {"numbers": [1]})).expect(200)
    reply = await submit(ann, columns={"seed": "seed"}, job_name="title")
    reply.problem(422, "invalid_input")
    assert reply.pointers() == ["row 2: /title", "row 2: /seed", "row 3: /seed"]
    assert (await ann.get("/v1/batches")).expect(200)["items"] == []


async def test_an_empty_table_is_no_batch(broker: Running) -> None:
    ann, _ = await scene(broker, [])
    reply = await submit(ann)
    reply.problem(422, "invalid_input")
    assert reply.pointers() == ["/table"]


async def test_a_table_is_seen_by_who_submits_it_wherever_it_lies(broker: Running) -> None:
    ann, node = await scene(broker)
    bob = await scientist(broker, "bob")
    unseen = await submit(bob)
    absent = await submit(bob, table="lab/none")
    for reply in (unseen, absent):
        reply.problem(422, "invalid_input")
        assert reply.pointers() == ["/table"]
    assert unseen.content.replace(b"lab/runs", b"lab/none") == absent.content
    await share(broker, node, [(ann, Role.EXECUTOR), (bob, Role.READER)])
    (await submit(bob)).expect(201)  # into the own workspace
    (await submit(bob, project="lab")).problem(403, "forbidden")


async def test_a_repeated_submission_is_answered_once(broker: Running) -> None:
    ann, _ = await scene(broker)
    body = {"app": "ising", "table": "lab/runs"}
    first = (await ann.post("/v1/batches", body, key="k")).expect(201)
    (await ann.post(f"{TABLE}/rows:delete", {"all": True})).expect(200)
    assert (await ann.post("/v1/batches", body, key="k")).expect(201) == first
    reused = await ann.post("/v1/batches", {**body, "name": "x"}, key="k")
    reused.problem(409, "idempotency_key_reused")
    assert len((await ann.get("/v1/batches")).expect(200)["items"]) == 1


async def test_a_batch_keeps_its_jobs_when_the_table_changes(broker: Running) -> None:
    ann, _ = await scene(broker)
    batch = (await submit(ann)).expect(201)["id"]
    (await ann.delete(TABLE)).expect(204)
    assert [name for name, _ in await jobs(ann, batch, 3)] == ["row 1", "row 2", "row 3"]
    (await submit(ann)).problem(422, "invalid_input")
    (await ann.post(f"/v1/batches/{batch}:rerun", {"only": "all"})).expect(201)


async def test_lines_have_no_table(broker: Running) -> None:
    ann, _ = await scene(broker)
    lines = b'{"app": "ising", "table": "lab/runs"}\n{"parameters": {"seed": 1}}\n'
    headers = {"Content-Type": "application/x-ndjson"}
    reply = await ann.post("/v1/batches", lines, headers=headers)
    reply.problem(422, "invalid_input")
    assert reply.pointers() == ["line 1: /table"]


async def test_more_rows_than_a_portion_become_jobs_in_their_order(broker: Running) -> None:
    ann, _ = await scene(broker, [])
    text = b"seed\n" + b"".join(b"%d\n" % (k + 1) for k in range(4_500))
    (await ann.post(f"{TABLE}/rows", text, headers={"Content-Type": "text/csv"})).expect(201)
    receipt = (await submit(ann)).expect(201)
    assert receipt["jobs"] == 4_500
    for index in (0, 1_999, 2_000, 4_499):
        job = (await ann.get(f"/v1/jobs/{job_of(receipt['id'], index)}")).expect(200)
        assert (job["name"], job["parameters"]["seed"]) == (f"row {index + 1}", index + 1)
    after = (await submit(ann, where={"seed": 5})).expect(201)
    assert after["jobs"] == 1
