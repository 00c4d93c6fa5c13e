"""Tables over HTTP: typed rows, appended all or none, read and exported as they were, by role."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from broker.protocol.nodes import Role
from tests.support.http import Http
from tests.support.places import folder, project, share
from tests.support.running import Running

COLUMNS: list[dict[str, Any]] = [
    {"name": "seed", "type": "integer", "nullable": False},
    {"name": "t", "type": "number"},
    {"name": "label", "type": "text"},
    {"name": "cold", "type": "boolean"},
]
ROWS: list[dict[str, Any]] = [
    {"seed": 1, "t": 0.1, "label": 'a,"b"\r\nc', "cold": True},
    {"seed": 2, "t": -0.0, "label": "", "cold": None},
    {"seed": 3, "t": None, "label": None, "cold": False},
]
CSV = b'seed,t,label,cold\r\n1,0.1,"a,""b""\r\nc",true\r\n2,-0.0,"",\r\n3,,,false\r\n'
ROLES = {
    "rd": Role.READER,
    "ex": Role.EXECUTOR,
    "ed": Role.EDITOR,
    "wr": Role.WRITER,
    "ow": Role.OWNER,
}
TEXT_CSV = {"Content-Type": "text/csv"}
NDJSON = {"Content-Type": "application/x-ndjson"}


async def lab(broker: Running) -> dict[str, Http]:
    """A project with somebody in each role."""
    people = {name: await broker.client(name) for name in ROLES}
    await project(broker, "lab", [(people[name], role) for name, role in ROLES.items()])
    return people


async def table(http: Http, name: str = "runs", place: str = "lab", **fields: Any) -> str:
    """A table; returns the path to it."""
    body = {"name": name, "project": place, "columns": COLUMNS, **fields}
    return f"/v1/tables/{(await http.post('/v1/tables', body)).expect(201)['id']}"


async def values(http: Http, path: str) -> list[dict[str, Any]]:
    return [row["values"] for row in (await http.get(f"{path}/rows")).expect(200)["items"]]


async def test_a_table_is_made_and_found_by_id_and_by_its_project(broker: Running) -> None:
    ex = (await lab(broker))["ex"]
    path = await table(ex, description="Seeds.")
    found = (await ex.get(path)).expect(200)
    assert (found["name"], found["handle"], found["rows"]) == ("runs", "lab/runs", 0)
    assert [column["name"] for column in found["columns"]] == ["seed", "t", "label", "cold"]
    assert (await ex.get("/v1/tables/lab%2Fruns")).expect(200) == found
    body = {"name": "runs", "project": "lab", "columns": COLUMNS}
    (await ex.post("/v1/tables", body)).problem(409, "name_taken")
    for reference in ("table_1", "table_99999", "runs", "lab%2Fother", "other%2Fruns"):
        (await ex.get(f"/v1/tables/{reference}")).problem(404, "not_found")
    (await ex.get("/v1/tables/app_1")).problem(422, "invalid_input")


async def test_rule_T10_writer_and_executor_create_and_delete_their_own_owner_any(
    broker: Running,
) -> None:
    people = await lab(broker)
    body = {"name": "no", "project": "lab", "columns": COLUMNS}
    (await people["rd"].post("/v1/tables", body)).problem(403, "forbidden")
    mine = {name: await table(people[name], f"of-{name}") for name in ("ex", "ed", "wr", "ow")}
    for name in ("ex", "ed", "wr"):
        for other in mine.keys() - {name}:
            (await people[name].delete(mine[other])).problem(403, "forbidden")
    (await people["ex"].delete(mine["ex"])).expect(204)
    (await people["wr"].delete(mine["wr"])).expect(204)
    (await people["ow"].delete(mine["ed"])).expect(204)
    listed = (await people["rd"].get("/v1/tables")).expect(200)["items"]
    assert [found["name"] for found in listed] == ["of-ow"]
    (await people["ow"].get(mine["ed"])).problem(404, "not_found")


async def test_rule_T10_rows_are_edited_in_ones_own_table_and_by_editors_in_any(
    broker: Running,
) -> None:
    people = await lab(broker)
    of_wr, of_ex = await table(people["wr"], "w"), await table(people["ex"], "e")
    for name, path, status in (
        ("ex", of_wr, 403),
        ("rd", of_wr, 403),
        ("ed", of_wr, 201),
        ("ex", of_ex, 201),
        ("wr", of_ex, 201),
    ):
        reply = await people[name].post(f"{path}/rows", {"rows": ROWS})
        assert reply.status == status, (name, path)
        streamed = await people[name].post(f"{path}/rows", CSV, headers=TEXT_CSV)
        assert streamed.status == status, (name, path)
        gone = await people[name].post(f"{path}/rows:delete", {"all": True})
        assert gone.status == (200 if status == 201 else status), (name, path)


async def test_rules_T8_T12_readers_view_tables_and_lists_show_only_what_one_may_see(
    broker: Running,
) -> None:
    people = await lab(broker)
    eve = await broker.client("eve")
    other = await project(broker, "other", [(eve, Role.EXECUTOR)])
    inside = await folder(broker, other, "f", [])
    mine = await table(people["ex"])
    theirs = await table(eve, "deep", f"folder_{inside}")
    (await people["ex"].post(f"{mine}/rows", {"rows": ROWS})).expect(201)
    assert await values(people["rd"], mine) == ROWS
    assert (await people["rd"].get(f"{mine}/export")).content == CSV
    for http, names in (
        (people["rd"], ["lab/runs"]),
        (eve, [f"folder_{inside}/deep"]),
        (broker.admin, [f"folder_{inside}/deep", "lab/runs"]),
    ):
        listed = (await http.get("/v1/tables")).expect(200)["items"]
        assert [found["handle"] for found in listed] == names
    for path in ("", "/rows", "/export"):
        (await people["ow"].get(theirs + path)).problem(404, "not_found")
        (await eve.get(mine + path)).problem(404, "not_found")
    (await people["ow"].get("/v1/tables?project=other")).problem(404, "not_found")
    within = (await eve.get(f"/v1/tables?project=project_{other}")).expect(200)["items"]
    assert [found["name"] for found in within] == ["deep"]


@pytest.mark.parametrize("way", ["json", "ndjson", "csv"])
async def test_rows_come_back_as_they_were(broker: Running, way: str) -> None:
    ex = (await lab(broker))["ex"]
    path = await table(ex)
    lines = b"".join(orjson.dumps(row) + b"\n" for row in ROWS)
    sent: dict[str, tuple[Any, dict[str, str]]] = {
        "json": ({"rows": ROWS}, {}),
        "ndjson": (lines, NDJSON),
        "csv": (b"\xef\xbb\xbf" + CSV, TEXT_CSV),
    }
    body, headers = sent[way]
    receipt = (await ex.post(f"{path}/rows", body, headers=headers)).expect(201)
    assert receipt == {"table": path.rpartition("/")[2], "rows": 3, "first_number": 1}
    again = (await ex.post(f"{path}/rows", body, headers=headers)).expect(201)
    assert again["first_number"] == 4
    assert list(map(repr, await values(ex, path))) == list(map(repr, ROWS + ROWS))
    reply = await ex.get(f"{path}/export")
    assert reply.headers["Content-Type"].startswith("text/csv")
    assert reply.headers["Content-Disposition"] == 'attachment; filename="runs.csv"'
    assert reply.content == CSV + CSV.partition(b"\n")[2]
    assert (await ex.get(f"{path}/export?format=ndjson")).content == lines * 2
    assert (await ex.get(path)).expect(200)["rows"] == 6


async def test_a_csv_may_order_its_columns_and_leave_some_out(broker: Running) -> None:
    ex = (await lab(broker))["ex"]
    path = await table(ex)
    text = b"label,seed\nx,1\n\n,2"
    (await ex.post(f"{path}/rows", text, headers=TEXT_CSV)).expect(201)
    assert await values(ex, path) == [
        {"seed": 1, "t": None, "label": "x", "cold": None},
        {"seed": 2, "t": None, "label": None, "cold": None},
    ]


@pytest.mark.parametrize(
    ("text", "pointers"),
    [
        (b"seed,t\n1,2\nx,3\n4,y\n", ["line 3: /seed", "line 4: /t"]),
        (b'seed,label\n1,"a\nb"\nx,c\n', ["line 4: /seed"]),
        (b"seed\n1\n2,3\n", ["line 3"]),
        (b'seed,label\n1,"a"b\n', ["line 2"]),
        (b'seed,label\n1,"a\n', ["line 2"]),
        (b"seed,label\n1,\xff\n", ["line 2"]),
        (b"seed,other\n1,2\n", ["line 1: /other"]),
        (b"t\n1\n", ["line 1: /seed"]),
        (b"seed,seed\n1,1\n", ["line 1"]),
        (b"seed,\n1,1\n", ["line 1"]),
        (b"seed\n", [""]),
        (b"", [""]),
    ],
)
async def test_bad_csv_is_named_by_line_and_column_and_stores_nothing(
    broker: Running, text: bytes, pointers: list[str]
) -> None:
    ex = (await lab(broker))["ex"]
    path = await table(ex)
    reply = await ex.post(f"{path}/rows", text, headers=TEXT_CSV)
    reply.problem(422, "invalid_input")
    assert reply.pointers() == pointers
    assert (await ex.get(path)).expect(200)["rows"] == 0
    assert await values(ex, path) == []


@pytest.mark.parametrize(
    ("text", "pointers"),
    [
        (b'{"seed": 1}\n\n{"seed": "x"}\n{"t": 1}\n', ["line 3: /seed", "line 4: /seed"]),
        (b'{"seed": 1, "more": 2}', ["line 1: /more"]),
        (b'{"seed": 1}\n[]\n{', ["line 2", "line 3"]),
        (b"\n\n", [""]),
    ],
)
async def test_bad_lines_are_named_and_store_nothing(
    broker: Running, text: bytes, pointers: list[str]
) -> None:
    ex = (await lab(broker))["ex"]
    path = await table(ex)
    reply = await ex.post(f"{path}/rows", text, headers=NDJSON)
    reply.problem(422, "invalid_input")
    assert reply.pointers() == pointers
    assert await values(ex, path) == []


async def test_a_bad_value_late_in_a_stream_leaves_nothing_behind(broker: Running) -> None:
    ex = (await lab(broker))["ex"]
    path = await table(ex)
    text = b"seed\n" + b"1\n" * 5_000 + b"x\n"
    reply = await ex.post(f"{path}/rows", text, headers=TEXT_CSV)
    assert reply.problem(422, "invalid_input")
    assert reply.pointers() == ["line 5002: /seed"]
    assert await values(ex, path) == []
    (await ex.post(f"{path}/rows", text[:-2], headers=TEXT_CSV)).expect(201)
    assert (await ex.get(path)).expect(200)["rows"] == 5_000
    exported = (await ex.get(f"{path}/export")).content
    assert exported.count(b"\r\n") == 5_001


async def test_bad_json_rows_are_named(broker: Running) -> None:
    ex = (await lab(broker))["ex"]
    path = await table(ex)
    reply = await ex.post(f"{path}/rows", {"rows": [{"seed": 1}, {"seed": 1.5}, {"x": 1}]})
    reply.problem(422, "invalid_input")
    assert reply.pointers() == ["/rows/1/seed", "/rows/2/seed"]
    for body in ({"rows": []}, {}, {"rows": [1]}):
        (await ex.post(f"{path}/rows", body)).problem(422, "invalid_input")


async def test_rows_are_paged_and_filtered(broker: Running) -> None:
    ex = (await lab(broker))["ex"]
    path = await table(ex)
    rows = [{"seed": k, "label": "even" if k % 2 == 0 else None, "t": k / 2} for k in range(5)]
    (await ex.post(f"{path}/rows", {"rows": rows})).expect(201)
    first = (await ex.get(f"{path}/rows?limit=2")).expect(200)
    second = (await ex.get(f"{path}/rows?limit=9&cursor={first['next_cursor']}")).expect(200)
    assert [row["number"] for row in first["items"] + second["items"]] == [1, 2, 3, 4, 5]
    assert second["next_cursor"] is None
    for where, seeds in (
        ({"label": "even"}, [0, 2, 4]),
        ({"label": None}, [1, 3]),
        ({"seed": 3}, [3]),
        ({"t": 1}, [2]),
        ({"label": "even", "t": 2.0}, [4]),
        ({"label": "' OR 1"}, []),
    ):
        query = orjson.dumps(where).decode()
        found = (await ex.get(f"{path}/rows", params={"where": query})).expect(200)["items"]
        assert [row["values"]["seed"] for row in found] == seeds, where
        file = (await ex.get(f"{path}/export", params={"where": query, "format": "ndjson"})).content
        assert [orjson.loads(line)["seed"] for line in file.splitlines()] == seeds
    bad = {'{"x": 1}': "?where/x", '{"seed": "1"}': "?where/seed", "1": "?where"}
    for text, pointer in bad.items():
        reply = await ex.get(f"{path}/rows", params={"where": text})
        reply.problem(422, "invalid_input")
        assert reply.pointers() == [pointer]


async def test_rows_are_deleted_and_their_numbers_are_not_used_again(broker: Running) -> None:
    ex = (await lab(broker))["ex"]
    path = await table(ex)
    rows = [{"seed": k, "cold": k > 2} for k in range(5)]
    (await ex.post(f"{path}/rows", {"rows": rows})).expect(201)
    for body, count in (({"numbers": [2, 99]}, 1), ({"where": {"cold": True}}, 2)):
        assert (await ex.post(f"{path}/rows:delete", body)).expect(200) == {"count": count}
    assert [row["seed"] for row in await values(ex, path)] == [0, 2]
    assert (await ex.post(f"{path}/rows:delete", {"all": True})).expect(200) == {"count": 2}
    more = (await ex.post(f"{path}/rows", {"rows": [{"seed": 9}]})).expect(201)
    assert more["first_number"] == 6
    assert (await ex.get(path)).expect(200)["rows"] == 1
    for bad in ({}, {"all": True, "numbers": [1]}, {"numbers": []}, {"where": {}}):
        (await ex.post(f"{path}/rows:delete", bad)).problem(422, "invalid_input")
    (await ex.post(f"{path}/rows:delete", {"numbers": [0]})).problem(422, "invalid_input")


async def test_columns_change_only_while_there_are_no_rows(broker: Running) -> None:
    ex = (await lab(broker))["ex"]
    path = await table(ex)
    reply = await ex.get(path)
    tag = {"If-Match": reply.headers["Etag"]}
    new = [{"name": "n", "type": "integer"}]
    changed = (await ex.patch(path, {"columns": new}, headers=tag)).expect(200)
    assert [column["name"] for column in changed["columns"]] == ["n"]
    (await ex.patch(path, {"description": "x"}, headers=tag)).problem(412, "precondition_failed")
    (await ex.post(f"{path}/rows", {"rows": [{"n": 1}]})).expect(201)
    (await ex.patch(path, {"columns": COLUMNS})).problem(409, "conflict")
    described = (await ex.patch(path, {"description": "Numbers.", "columns": new})).expect(200)
    assert (described["description"], described["rows"]) == ("Numbers.", 1)


@pytest.mark.parametrize(
    "columns",
    [
        [],
        [{"name": "a", "type": "integer"}, {"name": "a", "type": "text"}],
        [{"name": "a b", "type": "text"}],
        [{"name": "a", "type": "date"}],
        [{"name": f"c{k}", "type": "text"} for k in range(201)],
    ],
)
async def test_bad_columns_are_refused(broker: Running, columns: list[Any]) -> None:
    ex = (await lab(broker))["ex"]
    body = {"name": "runs", "project": "lab", "columns": columns}
    (await ex.post("/v1/tables", body)).problem(422, "invalid_input")


async def test_a_repeated_import_is_answered_once(broker: Running) -> None:
    ex = (await lab(broker))["ex"]
    path, other = await table(ex), await table(ex, "other")
    for _ in range(2):
        reply = await ex.post(f"{path}/rows", CSV, headers=TEXT_CSV, key="k")
        assert reply.expect(201)["first_number"] == 1
    assert reply.headers["Idempotent-Replayed"] == "true"
    assert (await ex.get(path)).expect(200)["rows"] == 3
    for where, body in ((path, CSV + b"9,,,\n"), (other, CSV)):
        reused = await ex.post(f"{where}/rows", body, headers=TEXT_CSV, key="k")
        reused.problem(409, "idempotency_key_reused")
    assert (await ex.get(other)).expect(200)["rows"] == 0


async def test_a_table_holds_so_many_rows_and_no_more(broker: Running) -> None:
    ex = (await lab(broker))["ex"]
    path = await table(ex)
    async with broker.services.database.connection() as connection:
        await connection.execute("UPDATE data_table SET rows = 999998")
    (await ex.post(f"{path}/rows", CSV, headers=TEXT_CSV)).problem(413, "body_too_large")
    (await ex.post(f"{path}/rows", {"rows": ROWS})).problem(413, "body_too_large")
    (await ex.post(f"{path}/rows", {"rows": ROWS[:2]})).expect(201)


async def test_a_purged_table_takes_its_rows_along(broker: Running) -> None:
    ex = (await lab(broker))["ex"]
    path = await table(ex)
    (await ex.post(f"{path}/rows", {"rows": ROWS})).expect(201)
    async with broker.services.database.connection() as connection:
        await connection.execute("DELETE FROM node WHERE kind = 'table'")
        assert await connection.fetchval("SELECT count(*) FROM table_row") == 0


async def test_appends_at_once_get_numbers_of_their_own(broker: Running) -> None:
    ex = (await lab(broker))["ex"]
    path = await table(ex)
    replies = await asyncio.gather(*(ex.post(f"{path}/rows", {"rows": ROWS}) for _ in range(5)))
    firsts = sorted(reply.expect(201)["first_number"] for reply in replies)
    assert firsts == [1, 4, 7, 10, 13]
    assert (await ex.get(path)).expect(200)["rows"] == 15


async def test_a_right_that_is_lost_while_rows_come_stores_nothing(broker: Running) -> None:
    ann, bob = await broker.client("ann"), await broker.client("bob")
    node = await project(broker, "lab", [(ann, Role.EXECUTOR), (bob, Role.OWNER)])
    path = await table(ann)

    async def body() -> AsyncIterator[bytes]:
        yield b"seed\n" + b"1\n" * 3_000
        await share(broker, node, [(bob, Role.OWNER)])
        yield b"2\n"

    headers = {"Authorization": f"Bearer {ann.token}", **TEXT_CSV}
    async with ann.session.post(f"{ann.url}{path}/rows", data=body(), headers=headers) as response:
        assert response.status == 404
    assert (await bob.get(path)).expect(200)["rows"] == 0
    assert await values(bob, path) == []


async def test_an_import_stands_in_the_audit_log_without_its_values(broker: Running) -> None:
    ex = (await lab(broker))["ex"]
    path = await table(ex)
    reference = path.rpartition("/")[2]
    (await ex.post(f"{path}/rows", CSV, headers=TEXT_CSV)).expect(201)
    (await ex.post(f"{path}/rows", {"rows": [{"seed": 4711}]})).expect(201)
    listed = await broker.admin.get(f"/v1/audit/log?object={reference}")
    entries = listed.expect(200)["items"]
    assert [entry["action"] for entry in entries] == ["table.edit", "table.edit", "table.create"]
    assert b"4711" not in listed.content
