"""Tables in the SDK: rows of a generator or a file, and a batch of a table."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from broker import errors
from broker.client import AsyncClient

from .fake_broker import FakeBroker, hangs_up, says, serves

RECEIPT = {"table": "table_7", "rows": 2, "first_number": 1}


async def test_rows_of_a_generator_are_sent_as_lines_and_again_when_it_broke(
    broker: FakeBroker, client: AsyncClient
) -> None:
    def rows() -> Iterator[dict[str, object]]:
        yield {"seed": 1, "label": "a"}
        yield {"seed": 2, "label": None}

    broker.on("POST", "/v1/tables/table_7/rows", hangs_up(), says(RECEIPT, status=201))
    assert (await client.append_rows(7, rows())).rows == 2
    for seen in broker.seen:
        assert seen.headers["Content-Type"] == "application/x-ndjson"
        assert list(map(orjson.loads, seen.body.splitlines())) == list(rows())
    assert len({seen.headers["Idempotency-Key"] for seen in broker.seen}) == 1


async def test_a_row_that_is_no_json_is_named_by_its_line(
    broker: FakeBroker, client: AsyncClient
) -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        await client.append_rows("lab/runs", [{"a": 1}, {"a": object()}])
    assert caught.value.errors[0].pointer == "line 2"


async def test_an_export_is_there_whole_or_not_at_all(
    broker: FakeBroker, client: AsyncClient, tmp_path: Path
) -> None:
    target = tmp_path / "runs.csv"
    with pytest.raises(errors.NotFound):
        await client.export_rows("lab/runs", target)
    assert list(tmp_path.iterdir()) == []
    broker.on("GET", "/v1/tables/lab/runs/export", serves(b"seed\r\n1\r\n", "text/csv"))
    assert await client.export_rows("lab/runs", target, where={"seed": 1}) == target
    assert target.read_bytes() == b"seed\r\n1\r\n"
    assert broker.seen[-1].path.startswith("/v1/tables/lab%2Fruns/export?")


async def test_a_batch_of_a_table_sends_no_jobs(broker: FakeBroker, client: AsyncClient) -> None:
    receipt = {"id": "batch_7", "jobs": 2, "first_job": "job_11"}
    broker.on("POST", "/v1/batches", says(receipt, status=201))
    handle = await client.submit_table(
        "ising", "lab/runs", columns={"t": "temperature"}, constants={"steps": 10}
    )
    assert str(handle) == "batch_7"
    body = broker.seen[0].json
    assert "jobs" not in body
    assert (body["table"], body["columns"]) == ("lab/runs", {"t": "temperature"})
    assert body["constants"] == {"steps": 10}
