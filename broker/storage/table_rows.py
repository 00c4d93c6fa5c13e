"""Rows of tables: stored and read a thousand at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from broker.protocol.ids import TableId
from broker.storage import blocks
from broker.storage.database import LONG_STATEMENT_SECONDS_MAX, Connection

SQL = blocks.load("table_rows")

COLUMNS = ("table_id", "number", "cells")
RowRecord = tuple[int, int, str]  # table, number, cells as a JSON array


@dataclass(frozen=True, slots=True)
class Filter:
    """Rows that hold certain values; without any, all rows.

    Args:
        positions: of columns, from 0.
        values: as many, as text; None for no value.
    """

    positions: Sequence[int] = ()
    values: Sequence[str | None] = ()


async def copy(connection: Connection, records: Sequence[RowRecord]) -> None:
    """Stores rows by COPY."""
    await connection.copy_records_to_table("table_row", records=records, columns=COLUMNS)


async def page(
    connection: Connection, table: TableId, where: Filter, *, after: int, rows_max: int
) -> list[tuple[int, str]]:
    """(number, cells as a JSON array) of rows, in the order of their numbers."""
    rows = await connection.fetch(
        SQL.page,
        *(table, after, rows_max, where.positions, where.values),
        timeout=LONG_STATEMENT_SECONDS_MAX,
    )
    return [(number, cells) for number, cells in rows]


async def delete(
    connection: Connection, table: TableId, where: Filter, numbers: Sequence[int] | None
) -> int:
    """Removes rows; how many.

    Args:
        numbers: only these; None for any.
    """
    gone: int = await connection.fetchval(
        SQL.delete,
        *(table, numbers, where.positions, where.values),
        timeout=LONG_STATEMENT_SECONDS_MAX,
    )
    return gone
