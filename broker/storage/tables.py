"""Tables as people see them; `table_rows` has what they hold."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
import orjson

from broker.protocol.ids import NodeId, TableId
from broker.protocol.tables import Column, Table
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("tables")


@dataclass(frozen=True, slots=True)
class Locked:
    """A table that nobody else changes until the transaction ends.

    Args:
        last_number: of the row that came last, whether it is still there or not.
    """

    columns: list[Column]
    rows: int
    last_number: int


async def create(
    connection: Connection, table: TableId, description: str, columns: Sequence[Column]
) -> None:
    """The table of a node that was made for it."""
    await connection.execute(SQL.create, table, description, _text(columns))


async def find(connection: Connection, table: TableId) -> Table | None:
    """A table, also one in the trash."""
    row = await connection.fetchrow(SQL.find, table)
    return _table(row) if row else None


async def page(
    connection: Connection,
    *,
    before: int,
    rows_max: int,
    among: Sequence[NodeId] | None,
    project: NodeId | None,
) -> list[Table]:
    """Tables, newest first, without those in the trash.

    Args:
        among: only some; None for all.
        project: only those of a project or workspace; None for any.
    """
    rows = await connection.fetch(SQL.page, before, rows_max, among, project)
    return [_table(row) for row in rows]


async def lock(connection: Connection, table: TableId) -> Locked:
    """Holds a table still until the transaction ends."""
    row = await connection.fetchrow(SQL.lock, table)
    assert row is not None, "the caller has found the table"
    return Locked(_columns(row["columns"]), row["rows"], row["last_number"])


async def change(
    connection: Connection, table: TableId, description: str, columns: Sequence[Column]
) -> None:
    """Replaces what people edit of a table. Behind `lock`."""
    await connection.execute(SQL.change, table, description, _text(columns))


async def count(connection: Connection, table: TableId, rows: int, numbers: int) -> None:
    """Counts rows that came or went, and the numbers that were used. Behind `lock`."""
    await connection.execute(SQL.count, table, rows, numbers)


def _table(row: asyncpg.Record) -> Table:
    return Table.model_validate({**dict(row), "columns": _columns(row["columns"])})


def _columns(text: str) -> list[Column]:
    return [Column.model_validate(each) for each in orjson.loads(text)]


def _text(columns: Sequence[Column]) -> str:
    return orjson.dumps([column.model_dump() for column in columns]).decode()
