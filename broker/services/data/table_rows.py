"""Rows of tables: appended all or none, listed, exported, deleted."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import orjson

from broker.domain.tables import Cell, CellError, row_of_json
from broker.errors import BodyTooLarge, Conflict, FieldError, InvalidInput, KeyReused
from broker.protocol.apps import Scalar
from broker.protocol.base import Count
from broker.protocol.ids import TableId, show
from broker.protocol.limits import ROWS_PER_TABLE_MAX
from broker.protocol.tables import Row, RowsDeletion, RowsReceipt, RowsRequest, Table
from broker.services.data.tables import authorised, filter_of
from broker.services.requests.actor import Actor
from broker.services.requests.answers import CREATED, IdempotencyKey, Stored
from broker.storage import idempotency, table_rows, tables
from broker.storage.database import Connection, Database
from broker.storage.table_rows import Filter, RowRecord

ROWS_PER_READ = 2_000

Cells = list[Cell]


async def append(
    connection: Connection, actor: Actor, reference: str, request: RowsRequest
) -> RowsReceipt:
    """Rows that came in one body, all or none.

    Raises:
        InvalidInput: naming row and column of each value that does not fit, at most a hundred.
        Conflict: the table would have too many rows.
    """
    table = await authorised(connection, actor, reference)
    held = await tables.lock(connection, table.id)
    rows: list[Cells] = []
    bad: list[FieldError] = []
    for index, values in enumerate(request.rows):
        try:
            rows.append(row_of_json(held.columns, values))
        except CellError as error:
            bad.append(FieldError(f"/rows/{index}/{error.column}", error.detail))
    refuse(bad)
    await table_rows.copy(connection, _records(table.id, held.last_number + 1, rows))
    return await _counted(connection, table.id, held, len(rows))


async def append_stream(
    database: Database,
    actor: Actor,
    table: Table,
    chunks: AsyncIterator[list[Cells]],
    key: str | None,
    digest: Callable[[], bytes],
    trace: Callable[[Connection, RowsReceipt], Awaitable[None]],
) -> Stored:
    """Rows that come as a stream, in one transaction; any error leaves nothing behind.

    The next chunk is read while PostgreSQL stores the one before.

    Args:
        actor: was allowed to when the request came, and is asked again before the end.
        chunks: cells in the order of `table.columns`.
        key: the client's idempotency key, if any; the caller has looked for an earlier answer.
        digest: the request's digest, once the stream has ended.
        trace: writes the change into the audit log.

    Raises:
        Conflict: the columns were changed meanwhile, or the table would have too many rows.
        Whatever the stream raises.
    """
    async with database.transaction() as connection:
        held = await tables.lock(connection, table.id)
        if held.columns != table.columns:
            raise Conflict("the table's columns were just changed; ask again")
        rows = await _copy(connection, table.id, held, chunks)
        await actor.confirm(connection)
        await authorised(connection, actor, show("table", table.id))
        receipt = await _counted(connection, table.id, held, rows)
        await trace(connection, receipt)
        body = receipt.model_dump_json().encode()
        if key:
            mine = IdempotencyKey(key, digest())
            answer = idempotency.Answer(
                actor.account_id, mine.key, mine.request_sha256, CREATED, body
            )
            if not await idempotency.remember(connection, [answer], status=CREATED):
                raise KeyReused("another request with this Idempotency-Key came first")
    return Stored(CREATED, body)


async def page(
    connection: Connection,
    actor: Actor,
    reference: str,
    where: Mapping[str, Scalar | None] | None,
    *,
    after: int,
    rows_max: int,
) -> list[Row]:
    """Rows of a table in the order of their numbers."""
    table = await authorised(connection, actor, reference)
    wanted = filter_of(table.columns, where, "?where")
    found = await table_rows.page(connection, table.id, wanted, after=after, rows_max=rows_max)
    names = [column.name for column in table.columns]
    return [
        Row(number=number, values=dict(zip(names, orjson.loads(cells), strict=True)))
        for number, cells in found
    ]


async def delete(
    connection: Connection, actor: Actor, reference: str, request: RowsDeletion
) -> Count:
    """Removes rows; how many."""
    table = await authorised(connection, actor, reference)
    held = await tables.lock(connection, table.id)
    wanted = filter_of(held.columns, request.where, "/where")
    gone = await table_rows.delete(connection, table.id, wanted, request.numbers)
    await tables.count(connection, table.id, -gone, 0)
    return Count(count=gone)


@asynccontextmanager
async def reading(
    database: Database, table: TableId, where: Filter
) -> AsyncIterator[AsyncGenerator[list[tuple[int, Cells]], None]]:
    """All rows of a table at one moment, (number, cells) in portions; the caller authorises."""
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        portions = _portions(connection, table, where)
        try:
            yield portions
        finally:
            await portions.aclose()


async def _portions(
    connection: Connection, table: TableId, where: Filter
) -> AsyncGenerator[list[tuple[int, Cells]], None]:
    after = 0
    while found := await table_rows.page(
        connection, table, where, after=after, rows_max=ROWS_PER_READ
    ):
        after = found[-1][0]
        yield [(number, orjson.loads(cells)) for number, cells in found]


async def _copy(
    connection: Connection,
    table: TableId,
    held: tables.Locked,
    chunks: AsyncIterator[list[Cells]],
) -> int:
    rows = 0
    storing: asyncio.Task[None] | None = None
    try:
        async for chunk in chunks:
            _check_room(held, rows + len(chunk))
            records = _records(table, held.last_number + rows + 1, chunk)
            rows += len(chunk)
            if storing:
                await storing
            storing = asyncio.create_task(table_rows.copy(connection, records))
    except BaseException:
        if storing:
            await asyncio.gather(storing, return_exceptions=True)
        raise
    if storing:
        await storing
    if not rows:
        raise InvalidInput.of("", "there are no rows")
    return rows


async def _counted(
    connection: Connection, table: TableId, held: tables.Locked, rows: int
) -> RowsReceipt:
    _check_room(held, rows)
    await tables.count(connection, table, rows, rows)
    return RowsReceipt(table=table, rows=rows, first_number=held.last_number + 1)


def _check_room(held: tables.Locked, rows: int) -> None:
    if held.rows + rows > ROWS_PER_TABLE_MAX:
        detail = f"a table holds at most {ROWS_PER_TABLE_MAX} rows; it has {held.rows}"
        raise BodyTooLarge(detail, errors=[FieldError("", detail)])


def _records(table: TableId, first: int, rows: Sequence[Cells]) -> list[RowRecord]:
    return [
        (table, number, orjson.dumps(cells).decode()) for number, cells in enumerate(rows, first)
    ]


def refuse(bad: Sequence[FieldError]) -> None:
    """Goes on when nothing is bad.

    Raises:
        InvalidInput: with the first hundred bad values.
    """
    if bad:
        raise InvalidInput("some rows are not valid; nothing was stored", errors=list(bad[:100]))
