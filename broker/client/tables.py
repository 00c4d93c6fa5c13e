"""Tables: typed rows in a project, appended all or none, read and exported."""

import asyncio
import os
import secrets
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import orjson

from broker.client.files import CHUNK_BYTES, FileContent
from broker.client.pages import listing
from broker.client.submissions import Lines
from broker.client.transport import Ref, Transport, name_of, ref
from broker.errors import InvalidInput
from broker.protocol.apps import Scalar
from broker.protocol.base import Count, Page
from broker.protocol.tables import (
    Row,
    RowsDeletion,
    RowsReceipt,
    Table,
    TableChange,
    TableRequest,
)

FORMATS: Final = {".csv": "text/csv", ".ndjson": "application/x-ndjson"}
Where = Mapping[str, Scalar | None]
"""Rows that hold these values in these columns; null for no value."""


def _path(table: Ref, rest: str = "") -> str:
    return f"/v1/tables/{ref('table', table)}{rest}"


async def create_table(http: Transport, request: TableRequest) -> Table:
    """Create a table without rows; raises NameTaken when its place has one of the name."""
    return await http.call("POST", "/v1/tables", Table, body=request)


async def list_tables(
    http: Transport, *, project: Ref | None = None, limit: int | None = None
) -> AsyncGenerator[Table, None]:
    """The tables that the caller may see, or those of a project, newest first."""
    query = {"project": None if project is None else name_of("project", project)}
    async for item in listing(http, "/v1/tables", Page[Table], limit=limit, query=query):
        yield item


async def get_table(http: Transport, table: Ref) -> Table:
    """One table, by id or as `project/name`."""
    return await http.call("GET", _path(table), Table)


async def change_table(http: Transport, table: Ref, request: TableChange) -> Table:
    """Change what the request names; columns only while there are no rows."""
    return await http.call("PATCH", _path(table), Table, body=request)


async def delete_table(http: Transport, table: Ref) -> None:
    """Put a table into the trash."""
    await http.act("DELETE", _path(table))


async def append_rows(
    http: Transport, table: Ref, rows: Iterable[Mapping[str, Any]], *, key: str | None = None
) -> RowsReceipt:
    """Append rows, all or none: values by column; a generator is read once.

    Args:
        key: Idempotency-Key; null makes one, which covers the retries of this call.

    Raises:
        InvalidInput: `errors` names line and column of each bad value; a row is a line.
    """
    lines = Lines(_encoded(rows))
    try:
        return await http.call("POST", _path(table, "/rows"), RowsReceipt, body=lines, key=key)
    finally:
        await asyncio.to_thread(lines.close)


async def import_rows(http: Transport, table: Ref, file: Path | str) -> RowsReceipt:
    """Append the rows of a file, all or none: .csv with the columns' names in its first line, or
    .ndjson with an object on each line.

    Raises:
        InvalidInput: the file cannot be read, is of another kind, or holds a bad value.
    """
    path = Path(file)
    content = FileContent(path)
    content.content_type = _format(path)
    return await http.call("POST", _path(table, "/rows"), RowsReceipt, body=content)


async def list_rows(
    http: Transport, table: Ref, *, where: Where | None = None, limit: int | None = None
) -> AsyncGenerator[Row, None]:
    """Rows in the order of their numbers."""
    query = {"where": _json(where)}
    async for item in listing(http, _path(table, "/rows"), Page[Row], limit=limit, query=query):
        yield item


async def export_rows(
    http: Transport, table: Ref, file: Path | str, *, where: Where | None = None
) -> Path:
    """Write rows to a .csv or .ndjson file, which is there when all of it is."""
    path = Path(file)
    form: Literal["csv", "ndjson"] = "csv" if _format(path) == "text/csv" else "ndjson"
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    query = {"format": form, "where": _json(where)}
    try:
        with await asyncio.to_thread(part.open, "xb") as out:
            async with http.open(_path(table, "/export"), query=query) as response:
                async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                    await asyncio.to_thread(out.write, chunk)
        await asyncio.to_thread(os.replace, part, path)
    except OSError as error:
        raise InvalidInput(f"cannot write {path}: {error.strerror}") from error
    finally:
        await asyncio.to_thread(part.unlink, missing_ok=True)
    return path


async def delete_rows(http: Transport, table: Ref, request: RowsDeletion) -> int:
    """Delete rows by number, by what they hold, or all; how many those were."""
    return (await http.call("POST", _path(table, "/rows:delete"), Count, body=request)).count


def _encoded(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    for number, row in enumerate(rows, start=1):
        try:
            yield orjson.dumps(dict(row)) + b"\n"
        except TypeError as error:
            raise InvalidInput.of(f"line {number}", str(error)) from error


def _format(path: Path) -> str:
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise InvalidInput(f"{path}: expected a file named .csv or .ndjson")
    return kind


def _json(where: Where | None) -> str | None:
    return None if where is None else orjson.dumps(dict(where)).decode()
