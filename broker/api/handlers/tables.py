"""Tables and their rows."""

from functools import partial
from typing import Literal

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from broker.api import table_rows as wire
from broker.api.call import CREATED, Call, PageQuery, answer_page, answer_stored, page_bounds
from broker.api.ndjson import Lines
from broker.api.plain import Plain, changing, creating, deleting, searching, showing, writing
from broker.api.route import Route
from broker.api.table_rows import CSV, NDJSON
from broker.domain.access import Action
from broker.errors import InvalidInput
from broker.protocol.base import Count, Message, Page
from broker.protocol.batches import Where
from broker.protocol.ids import parse, show
from broker.protocol.tables import (
    Row,
    RowsDeletion,
    RowsReceipt,
    RowsRequest,
    Table,
    TableChange,
    TableRequest,
)
from broker.services.data import table_rows, tables
from broker.storage.database import Connection

STREAMS = {NDJSON: wire.of_ndjson, CSV: wire.of_csv}
WHERE: TypeAdapter[Where] = TypeAdapter(Where)


class TablesQuery(PageQuery):
    """The query of the list of tables."""

    project: str | None = None
    """Only those that lie in this project or workspace: handle or id."""


class RowsQuery(PageQuery):
    """The query of the list of rows, which begins with the first."""

    where: str | None = None
    """Only rows that hold these values: a JSON object, e.g. {"seed": 3}; null is no value."""


class ExportQuery(Message):
    """The query of an export."""

    format: Literal["csv", "ndjson"] = "csv"
    """csv: comma-separated values, the first line names the columns; ndjson: an object a line."""
    where: str | None = None
    """Only rows that hold these values: a JSON object."""


async def append(call: Call) -> web.Response:
    if call.request.content_type in STREAMS:
        return await _append_stream(call)
    body, table = await call.body(RowsRequest), call.path("table")
    return await call.mutate(lambda c: table_rows.append(c, call.actor, table, body), CREATED)


async def _append_stream(call: Call) -> web.Response:
    services, request, key = call.services, call.request, call.key_text()
    async with services.database.connection() as connection:
        table = await tables.authorised(connection, call.actor, call.path("table"))
    lines = Lines(request.content)
    body = wire.Addressed(show("table", table.id).encode(), lines)
    call.traced = True  # below, in the transaction of the rows
    if key and (replay := await services.submission.replay_stream(call.actor, key, body)):
        return answer_stored(replay)
    rows = STREAMS[request.content_type](lines, table.columns)

    async def trace(connection: Connection, receipt: RowsReceipt) -> None:
        await call.trace(connection, receipt, CREATED)

    stored = await table_rows.append_stream(
        services.database, call.actor, table, rows, key, body.digest, trace
    )
    return answer_stored(stored)


async def page_of_rows(call: Call) -> web.Response:
    query = call.query(RowsQuery)
    _, limit = page_bounds(PageQuery(limit=query.limit))
    after = 0 if query.cursor is None else parse("after", query.cursor, "?cursor")
    async with call.services.database.connection() as connection:
        found = await table_rows.page(
            connection,
            call.actor,
            call.path("table"),
            where_of(query.where),
            after=after,
            rows_max=limit,
        )
    return answer_page(found, limit, position="number", prefix="after")


async def export(call: Call) -> web.StreamResponse:
    query, database = call.query(ExportQuery), call.services.database
    async with database.connection() as connection:
        table = await tables.authorised(connection, call.actor, call.path("table"))
    wanted = tables.filter_of(table.columns, where_of(query.where), "?where")
    async with table_rows.reading(database, table.id, wanted) as portions:
        return await wire.send(call.request, table, query.format, portions)


def where_of(text: str | None) -> Where | None:
    """The filter in a query string.

    Raises:
        InvalidInput: no JSON object of plain values.
    """
    if text is None:
        return None
    try:
        return WHERE.validate_json(text)
    except ValidationError:
        detail = 'expected a JSON object of values by column, e.g. {"seed": 3}'
        raise InvalidInput.of("?where", detail) from None


A = Action
ONE = "/v1/tables/{table}"
plain = Plain(__name__)
ROUTES = [
    plain.route(
        "POST",
        "/v1/tables",
        creating(tables.create, TableRequest, Table),
        A.TABLE_CREATE,
        "Creates a table in a project, without rows.",
    ),
    plain.route(
        "GET",
        "/v1/tables",
        searching(
            lambda query: partial(tables.page, project=query.project), TablesQuery, Page[Table]
        ),
        A.TABLE_LIST,
        "Lists the tables that the caller may see, newest first.",
    ),
    plain.route(
        "GET",
        ONE,
        showing(tables.authorised, Table, tables.etag),
        A.TABLE_VIEW,
        "Shows a table.",
        name="view",
    ),
    plain.route(
        "PATCH",
        ONE,
        changing(tables.change, TableChange, Table, tables.etag),
        A.TABLE_EDIT,
        "Changes a table; its columns only while it has no rows.",
    ),
    plain.route(
        "DELETE", ONE, deleting(tables.delete), A.TABLE_DELETE, "Puts a table into the trash."
    ),
    Route(
        "POST",
        f"{ONE}/rows",
        append,
        A.TABLE_EDIT,
        "Appends rows, all or none: 10,000 as JSON, or a stream of up to 1,000,000 as "
        "application/x-ndjson (an object a line) or text/csv (the first line names the columns).",
        body=RowsRequest,
        answer=RowsReceipt,
        status=CREATED,
    ),
    Route(
        "GET",
        f"{ONE}/rows",
        page_of_rows,
        A.TABLE_VIEW,
        "Lists rows in the order of their numbers.",
        query=RowsQuery,
        answer=Page[Row],
    ),
    Route(
        "GET",
        f"{ONE}/export",
        export,
        A.TABLE_VIEW,
        "Gives all rows, or some, as one file.",
        query=ExportQuery,
        answer=(CSV, NDJSON),
    ),
    plain.route(
        "POST",
        f"{ONE}/rows:delete",
        writing(table_rows.delete, RowsDeletion, Count),
        A.TABLE_EDIT,
        "Deletes rows: by number, by what they hold, or all.",
        name="delete_rows",
    ),
]
