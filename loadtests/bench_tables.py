"""Rows a second into a table, out of it, and into jobs, over HTTP, everything durable.

    python -m loadtests.bench_tables [--rows 1000000] [--json]

One CSV of three columns is imported, exported, and submitted as a batch with a job a row. `copy` is
the same rows by COPY alone, on a connection of its own to the same server: what the database takes.
"""

import argparse
import time
from itertools import pairwise

import asyncpg
import orjson
import uvloop

from loadtests.stand import Stand, emit, stand

COLUMNS = [
    {"name": "x", "type": "number", "nullable": False},
    {"name": "seed", "type": "integer"},
    {"name": "label", "type": "text"},
]
ROWS_PER_COPY = 2_000


def csv(rows: int) -> bytes:
    """The file that is imported."""
    lines = (f"{k / 8},{k},sample {k}\n" for k in range(rows))
    return ("x,seed,label\n" + "".join(lines)).encode()


async def copied_per_second(database_url: str, rows: int) -> float:
    """Rows a second by COPY alone, in one transaction that is rolled back."""
    connection = await asyncpg.connect(database_url)
    records = [
        (0, k, orjson.dumps([k / 8, k, f"sample {k}"]).decode()) for k in range(ROWS_PER_COPY)
    ]
    transaction = connection.transaction()
    await transaction.start()
    started = time.perf_counter()
    for first in range(0, rows, ROWS_PER_COPY):
        await connection.copy_records_to_table(
            "table_row",
            records=[(0, first + number, cells) for _, number, cells in records],
            columns=("table_id", "number", "cells"),
        )
    elapsed = time.perf_counter() - started
    await transaction.rollback()
    await connection.close()
    return rows / elapsed


async def exported(s: Stand, path: str) -> int:
    """Bytes of an export, read as they come."""
    size = 0
    headers = {"Authorization": f"Bearer {s.admin_token}"}
    async with s.session.get(f"{s.url}{path}/export", headers=headers) as response:
        async for chunk in response.content.iter_any():
            size += len(chunk)
    return size


async def run(rows: int) -> dict[str, float | int]:
    """One whole measurement."""
    async with stand() as s:
        await s.app()
        await s.call("POST", "/v1/projects", {"name": "lab"})
        made = await s.call(
            "POST", "/v1/tables", {"name": "t", "project": "lab", "columns": COLUMNS}
        )
        path, text = f"/v1/tables/{made['id']}", csv(rows)
        before = s.memory_mib()
        marks = [time.perf_counter()]
        headers = {"Content-Type": "text/csv"}
        await s.call("POST", f"{path}/rows", text, headers=headers)
        marks.append(time.perf_counter())
        size = await exported(s, path)
        marks.append(time.perf_counter())
        batch = {"app": "noop", "table": made["id"]}
        receipt = await s.call("POST", "/v1/batches", batch)
        marks.append(time.perf_counter())
        assert receipt["jobs"] == rows
        imported, out, submitted = (b - a for a, b in pairwise(marks))
        return {
            "rows": rows,
            "csv_bytes": size,
            "import_rows_per_second": rows / imported,
            "export_rows_per_second": rows / out,
            "submit_jobs_per_second": rows / submitted,
            "copy_rows_per_second": await copied_per_second(s.database_url, rows),
            "broker_memory_mib_before": before,
            "broker_memory_mib": s.memory_mib(),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    emit(uvloop.run(run(options.rows)), options.json)


if __name__ == "__main__":
    main()
