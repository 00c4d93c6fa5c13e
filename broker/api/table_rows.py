"""Rows of tables on the wire: lines of JSON, and comma-separated values."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal

import orjson
from aiohttp import web

from broker.api.ndjson import Lines
from broker.api.streaming import begin
from broker.domain import csv_records
from broker.domain.csv_records import Joiner
from broker.domain.tables import CellError, of_text, row_of_json, to_text
from broker.errors import BodyTooLarge, FieldError, InvalidInput
from broker.protocol.limits import LINE_BYTES_MAX
from broker.protocol.tables import Column, Table
from broker.services.data.table_rows import Cells, refuse
from broker.services.requests.answers import request_digest

NDJSON, CSV = "application/x-ndjson", "text/csv"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
Record = tuple[int, bytes]  # the number of its first line, and what it says


@dataclass(slots=True)
class Addressed:
    """A body that is recognised together with what it was sent to."""

    target: bytes
    lines: Lines

    async def drain(self) -> None:
        """Reads the body to its end, for its digest."""
        await self.lines.drain()

    def digest(self) -> bytes:
        """What a repetition of the whole request has, too."""
        return request_digest(self.target, self.lines.digest())


# -- in -------------------------------------------------------------------------------------


async def of_ndjson(lines: Lines, columns: Sequence[Column]) -> AsyncIterator[list[Cells]]:
    """The rows of a body with an object on each line, chunk by chunk.

    Raises:
        InvalidInput: naming the lines and the columns of what does not fit.
    """
    async for first, chunk in lines.chunks():
        rows: list[Cells] = []
        bad: list[FieldError] = []
        for number, line in enumerate(chunk, first):
            if not line.strip():
                continue
            try:
                rows.append(row_of_json(columns, _object(line)))
            except CellError as error:
                bad.append(FieldError(_place(number, error.column), error.detail))
            except ValueError as error:
                bad.append(FieldError(f"line {number}", str(error)))
        refuse(bad)
        if rows:
            yield rows


async def of_csv(lines: Lines, columns: Sequence[Column]) -> AsyncIterator[list[Cells]]:
    """The rows of comma-separated values whose first record names the columns, chunk by chunk.

    Raises:
        InvalidInput: naming the lines and the columns of what does not fit.
        BodyTooLarge: a record is too long.
    """
    layout: Layout | None = None
    async for records in _records(lines):
        if layout is None and records:
            layout = Layout.of(records.pop(0)[1], columns)
        rows: list[Cells] = []
        bad: list[FieldError] = []
        for number, record in records:
            assert layout is not None, "the header comes first"
            if not record and layout.width > 1:
                continue
            try:
                rows.append(layout.cells(record.decode()))
            except CellError as error:
                bad.append(FieldError(_place(number, error.column), error.detail))
            except ValueError as error:
                bad.append(FieldError(f"line {number}", _reason(error)))
        refuse(bad)
        if rows:
            yield rows


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each column of a table stands in the records of a file.

    Args:
        places: for each column of the table, its place in a record; None where the file has none.
        width: how many fields a record has.
    """

    columns: Sequence[Column]
    places: list[int | None]
    width: int

    @classmethod
    def of(cls, header: bytes, columns: Sequence[Column]) -> "Layout":
        """The layout that the first record of a file tells.

        Raises:
            InvalidInput: it names what is no column, one twice, or not one that needs values.
        """
        try:
            named = csv_records.fields(header.removeprefix(BYTE_ORDER_MARK).decode())
        except ValueError as error:
            raise InvalidInput.of("line 1", _reason(error)) from None
        place = {name: at for at, name in enumerate(named) if name is not None}
        known = {column.name for column in columns}
        bad = [_place(1, name) for name in place if name not in known]
        refuse([FieldError(pointer, "the table has no such column") for pointer in bad])
        if len(place) < len(named):
            raise InvalidInput.of("line 1", "a column has no name, or two have the same")
        needed = [c.name for c in columns if c.name not in place and not c.nullable]
        refuse([FieldError(_place(1, name), "needs values, but is missing") for name in needed])
        return cls(columns, [place.get(column.name) for column in columns], len(named))

    def cells(self, record: str) -> Cells:
        """The cells of a record.

        Raises:
            ValueError: too many or too few fields, or a quote in the wrong place.
            CellError: a field does not fit its column.
        """
        texts = csv_records.fields(record)
        if len(texts) != self.width:
            raise ValueError(f"{len(texts)} fields in the place of {self.width}")
        return [
            None if at is None else of_text(column, texts[at])
            for column, at in zip(self.columns, self.places, strict=True)
        ]


async def _records(lines: Lines) -> AsyncIterator[list[Record]]:
    """Whole records, chunk by chunk. What follows the last line's end is no record."""
    joiner = Joiner(LINE_BYTES_MAX)
    held: list[bytes] = []
    number = 1
    async for _, chunk in lines.chunks():
        ready = [*held, *chunk[:-1]]
        held = chunk[-1:]
        yield _joined(joiner, number, ready)
        number += len(ready)
    last = [line for line in held if line]
    yield [*_joined(joiner, number, last), *joiner.end()]


def _joined(joiner: Joiner, number: int, lines: list[bytes]) -> list[Record]:
    try:
        return list(joiner.add(number, lines))
    except ValueError as error:
        place, _, detail = str(error).partition(": ")
        raise BodyTooLarge(str(error), errors=[FieldError(place, detail)]) from None


def _object(line: bytes) -> dict[str, object]:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise ValueError("expected an object: a value for each column")
    return value


def _place(number: int, column: str) -> str:
    return f"line {number}: /{column}"


def _reason(error: ValueError) -> str:
    return "not valid UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)


# -- out ------------------------------------------------------------------------------------


async def send(
    request: web.Request,
    table: Table,
    form: Literal["csv", "ndjson"],
    portions: AsyncIterator[list[tuple[int, Cells]]],
) -> web.StreamResponse:
    """Rows as a file: comma-separated values under a header, or an object a line."""
    kind = f"{CSV}; charset=utf-8; header=present" if form == "csv" else NDJSON
    name = f'attachment; filename="{table.name}.{form}"'
    response = await begin(request, {"Content-Type": kind, "Content-Disposition": name})
    names = [column.name for column in table.columns]
    if form == "csv":
        await response.write(csv_records.record(names).encode())
    async for rows in portions:
        await response.write(_csv(rows) if form == "csv" else _ndjson(names, rows))
    await response.write_eof()
    return response


def _ndjson(names: Sequence[str], rows: Sequence[tuple[int, Cells]]) -> bytes:
    return b"".join(orjson.dumps(dict(zip(names, cells, strict=True))) + b"\n" for _, cells in rows)


def _csv(rows: Sequence[tuple[int, Cells]]) -> bytes:
    return "".join(csv_records.record([to_text(cell) for cell in row]) for _, row in rows).encode()
