"""Tables: list, create, show, import, export, delete, and their rows."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.options import LIMIT_DEFAULT, SHARING, In, Limit, OfTable
from broker.cli.render import Column, print_document, print_done, print_line, print_list
from broker.cli.session import Session, command, default
from broker.errors import InvalidInput

if TYPE_CHECKING:
    from broker.client import Client
    from broker.protocol.apps import Scalar
    from broker.protocol.tables import Row, Table

tables = typer.Typer(help="Tables of typed rows: list, show, create, import, export, delete.")

Where = Annotated[
    list[str],
    typer.Option("--where", metavar="COLUMN=VALUE", help="Only such rows; COLUMN= for no value."),
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(tables, name="tables", rich_help_panel=SHARING)


@default(tables)
@command(tables, "list")
def list_tables(session: Session, project: In = None, limit: Limit = LIMIT_DEFAULT) -> None:
    """List the tables that you may see, newest first."""
    columns: list[Column[Table]] = [
        Column("id", lambda t: f"table_{t.id}", spare=1),
        Column("name", lambda t: t.handle),
        Column("rows", lambda t: t.rows, right=True),
        Column("columns", lambda t: " ".join(column.name for column in t.columns), spare=3),
        Column("created", lambda t: t.created_at, spare=2),
    ]
    with session.client() as client:
        items = client.tables(project=project, limit=limit or None)
        print_list(items, columns, json=session.json, empty="no tables")


@command(tables, "show")
def show(session: Session, table: OfTable) -> None:
    """Show a table and its columns."""
    with session.client() as client:
        _print(session, client.table(table))


@command(tables, "create")
def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="Unique among the tables of its place.")],
    project: Annotated[
        str, typer.Option(help="Handle or id of a project; id of a workspace or folder.")
    ],
    columns: Annotated[
        str,
        typer.Option(
            metavar="NAME:TYPE,...",
            help="Types: text, integer, number, boolean; NAME:TYPE! needs a value in each row.",
        ),
    ],
    description: Annotated[str, typer.Option(help="What its rows are.")] = "",
    file: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Import .csv or .ndjson at once.")
    ] = None,
) -> None:
    """Create a table, and import a file into it."""
    from broker.client.submissions import checked
    from broker.protocol.tables import TableRequest

    fields = {
        "name": name,
        "project": project,
        "description": description,
        "columns": [_column(text) for text in columns.split(",")],
    }
    with session.client() as client:
        made = client.create_table(checked(TableRequest, fields))
        if file is not None:
            client.import_rows(made.id, file)
            made = client.table(made.id)
        _print(session, made)


def _column(text: str) -> dict[str, object]:
    """A column from `name:type`, or `name:type!` for one without nulls."""
    name, colon, kind = text.strip().partition(":")
    if not colon:
        raise typer.BadParameter(f"expected NAME:TYPE, got {text!r}")
    return {"name": name, "type": kind.removesuffix("!"), "nullable": not kind.endswith("!")}


@command(tables, "rows")
def rows(
    session: Session,
    table: OfTable,
    where: Where = [],  # noqa: B006 - typer's way to say "none given"
    limit: Limit = LIMIT_DEFAULT,
) -> None:
    """List rows in the order of their numbers."""
    with session.client() as client:
        found = client.table(table)
        shown: list[Column[Row]] = [Column("row", lambda r: r.number, right=True)]
        shown += [
            Column(column.name, lambda r, name=column.name: r.values[name], spare=place)  # type: ignore[misc]
            for place, column in enumerate(found.columns)
        ]
        items = client.rows(table, where=_typed(found, where), limit=limit or None)
        print_list(items, shown, json=session.json, empty="no rows")


@command(tables, "import")
def import_rows(
    session: Session,
    table: OfTable,
    file: Annotated[Path, typer.Argument(help=".csv with the columns' names first, or .ndjson.")],
) -> None:
    """Append the rows of a file, all or none."""
    with session.client() as client:
        receipt = client.import_rows(table, file)
    first, last = receipt.first_number, receipt.first_number + receipt.rows - 1
    if session.json:
        print_line(receipt.model_dump_json())
    else:
        print_line(f"{receipt.rows} rows, number {first} to {last}")


@command(tables, "export")
def export(
    session: Session,
    table: OfTable,
    file: Annotated[Path, typer.Argument(help="Where to write it: .csv or .ndjson.")],
    where: Where = [],  # noqa: B006
) -> None:
    """Write all rows, or some, to a file."""
    with session.client() as client:
        client.export_rows(table, file, where=where_of(client, table, where))
    print_done(f"{table} is in {file}", json=session.json)


@command(tables, "delete")
def delete(
    session: Session,
    table: OfTable,
    where: Where = [],  # noqa: B006
    all_rows: Annotated[bool, typer.Option("--rows", help="All rows; the table stays.")] = False,
) -> None:
    """Put a table into the trash, or delete rows of it (--where, --rows)."""
    from broker.protocol.tables import RowsDeletion

    with session.client() as client:
        if not where and not all_rows:
            client.delete_table(table)
            print_done(f"{table} is in the trash", json=session.json)
            return
        chosen = where_of(client, table, where)
        request = RowsDeletion(all=True) if chosen is None else RowsDeletion(where=dict(chosen))
        count = client.delete_rows(table, request)
    print_done(f"{count} rows are deleted", json=session.json)


def where_of(client: "Client", table: str, texts: list[str]) -> "dict[str, Scalar | None] | None":
    """A filter from `COLUMN=VALUE` options, each value as its column's type says."""
    return _typed(client.table(table), texts) if texts else None


def _typed(table: "Table", texts: list[str]) -> "dict[str, Scalar | None] | None":
    if not texts:
        return None
    types = {column.name: column.type for column in table.columns}
    found: dict[str, Scalar | None] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"expected COLUMN=VALUE, got {text!r}")
        if name not in types:
            raise InvalidInput(f"{table.handle} has no column {name!r}")
        found[name] = _value(types[name], value) if value else None
    return found


def _value(kind: str, text: str) -> "Scalar":
    try:
        match kind:
            case "integer":
                return int(text)
            case "number":
                return float(text)
            case "boolean":
                return {"true": True, "false": False}[text.lower()]
    except (ValueError, KeyError):
        raise typer.BadParameter(f"{text!r} is no {kind}") from None
    return text


def _print(session: Session, table: "Table") -> None:
    lines: list[tuple[str, object]] = [
        ("id", f"table_{table.id}"),
        ("name", table.handle),
        ("description", table.description),
        ("rows", table.rows),
        ("created", table.created_at),
    ]
    lines += [
        (f"column {c.name}", f"{c.type}{'' if c.nullable else ', in each row'}")
        for c in table.columns
    ]
    print_document(table, lines, json=session.json)
