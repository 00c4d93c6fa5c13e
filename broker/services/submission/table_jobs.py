"""Jobs of a table: one for each row, its columns mapped to the parameters of a version."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson

from broker.domain.tables import Cell, to_text
from broker.errors import FieldError, InvalidInput
from broker.protocol.apps import VersionSpec
from broker.protocol.batches import BatchHeader
from broker.protocol.ids import TableId
from broker.protocol.tables import ColumnType, Table
from broker.services.data import tables
from broker.services.data.table_rows import Cells, reading
from broker.services.submission.job_requests import JobRow, check_jobs
from broker.services.submission.prepared import Prepared
from broker.storage.database import Database
from broker.storage.table_rows import Filter

# Which columns can give a parameter of a type.
GIVES = {
    "string": {ColumnType.TEXT},
    "integer": {ColumnType.INTEGER},
    "number": {ColumnType.INTEGER, ColumnType.NUMBER},
    "boolean": {ColumnType.BOOLEAN},
}


@dataclass(frozen=True, slots=True)
class Mapped:
    """How the rows of a table become jobs.

    Args:
        places: of each parameter, the place of its column among the table's.
        constants: parameters that are the same for all jobs.
        name_place: the place of the column that names the jobs; None for the row's number.
    """

    table: Table
    where: Filter
    places: Mapping[str, int]
    constants: Mapping[str, Cell]
    name_place: int | None

    def job(self, number: int, cells: Cells) -> dict[str, object]:
        """The job of a row."""
        parameters = dict(self.constants)
        for parameter, place in self.places.items():
            if (cell := cells[place]) is not None:
                parameters[parameter] = cell
        name = f"row {number}" if self.name_place is None else to_text(cells[self.name_place])
        return {"name": name, "parameters": parameters}

    def place_of(self, number: int, pointer: str) -> str:
        """Where a bad field of a row's job came from.

        Args:
            pointer: within the job, e.g. "/parameters/seed".
        """
        _, part, *rest = [*pointer.split("/"), ""]
        names = [column.name for column in self.table.columns]
        if part == "name" and self.name_place is not None:
            return f"row {number}: /{names[self.name_place]}"
        parameter = rest[0] if rest else ""
        if parameter in self.places:
            return f"row {number}: /{names[self.places[parameter]]}"
        if parameter in self.constants:
            return f"/constants/{parameter}"
        return f"row {number}: {pointer}"


async def mapped(database: Database, prepared: Prepared) -> Mapped:
    """How the table of a submission becomes jobs; the caller was seen to see the table.

    Raises:
        InvalidInput: a column or parameter that is not there, of another type, or given twice.
    """
    header, spec = prepared.header, prepared.runnable.spec
    assert prepared.order.table is not None, "only for a submission of a table"
    async with database.connection() as connection:
        table = await tables.of(connection, TableId(prepared.order.table[1]))
    names = {column.name: place for place, column in enumerate(table.columns)}
    wanted = header.columns
    if wanted is None:
        wanted = {n: n for n in spec.parameters if n in names and n not in header.constants}
    bad = [*_bad_columns(header, spec, table, wanted, names), *_bad_constants(header, spec, wanted)]
    if bad:
        raise InvalidInput("the table does not fit the app; nothing was stored", errors=bad[:100])
    return Mapped(
        table,
        tables.filter_of(table.columns, header.where, "/where"),
        {parameter: names[column] for parameter, column in wanted.items()},
        header.constants,
        None if header.job_name is None else names[header.job_name],
    )


def _bad_columns(
    header: BatchHeader,
    spec: VersionSpec,
    table: Table,
    wanted: Mapping[str, str],
    names: Mapping[str, int],
) -> Iterator[FieldError]:
    for parameter, column in wanted.items():
        pointer = f"/columns/{parameter}"
        if parameter not in spec.parameters:
            yield FieldError(pointer, "the version has no such parameter")
        elif column not in names:
            yield FieldError(pointer, f"the table has no column {column}")
        else:
            has, needs = table.columns[names[column]].type, spec.parameters[parameter].type
            if has not in GIVES[needs]:
                yield FieldError(pointer, f"the column holds {has}, the parameter is {needs}")
    if header.job_name is not None and header.job_name not in names:
        yield FieldError("/job_name", "the table has no such column")


def _bad_constants(
    header: BatchHeader, spec: VersionSpec, wanted: Mapping[str, str]
) -> Iterator[FieldError]:
    for parameter in header.constants:
        if parameter not in spec.parameters:
            yield FieldError(f"/constants/{parameter}", "the version has no such parameter")
        elif parameter in wanted:
            yield FieldError(f"/constants/{parameter}", "a column gives it, too")
    for parameter, told in spec.parameters.items():
        if told.default is None and parameter not in wanted and parameter not in header.constants:
            yield FieldError(f"/columns/{parameter}", "required by the version, but missing")


@asynccontextmanager
async def jobs_of(
    database: Database, mapping: Mapped, prepared: Prepared
) -> AsyncIterator[AsyncIterator[list[JobRow]]]:
    """The jobs of a table's rows at one moment, checked portion by portion.

    Raises:
        InvalidInput: naming the row and the column; or there are no rows.
    """
    async with reading(database, mapping.table.id, mapping.where) as portions:
        yield _jobs(portions, mapping, prepared)


async def _jobs(
    portions: AsyncGenerator[list[tuple[int, Cells]], None], mapping: Mapped, prepared: Prepared
) -> AsyncIterator[list[JobRow]]:
    empty = True
    async for rows in portions:
        empty = False
        yield _checked(rows, mapping, prepared)
    if empty:
        pointer = "/table" if not mapping.where.positions else "/where"
        raise InvalidInput.of(pointer, "there are no such rows; a batch has at least one job")


def _checked(rows: list[tuple[int, Cells]], mapping: Mapped, prepared: Prepared) -> list[JobRow]:
    jobs = orjson.dumps([mapping.job(number, cells) for number, cells in rows])
    try:
        return check_jobs(
            prepared.runnable, prepared.order, jobs, lambda index: f"{rows[index][0]}:"
        )
    except InvalidInput as error:
        bad: dict[str, FieldError] = {}
        for each in error.errors:
            number, _, pointer = each.pointer.partition(":")
            place = mapping.place_of(int(number), pointer)
            bad.setdefault(place, FieldError(place, each.detail))
        raise InvalidInput(error.message, errors=list(bad.values())) from None
