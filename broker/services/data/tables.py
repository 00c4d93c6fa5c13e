"""Tables (T10): made by executors and up, seen by readers, changed and deleted by role."""

from collections.abc import Mapping, Sequence

from broker.domain.access import Action
from broker.domain.tables import CellError, of_json, to_text
from broker.errors import Conflict, InvalidInput, NameTaken, PreconditionFailed
from broker.protocol.apps import Scalar
from broker.protocol.ids import NodeId, TableId, show
from broker.protocol.nodes import Kind
from broker.protocol.tables import Column, Table, TableChange, TableRequest
from broker.services.projects import places
from broker.services.requests.actor import Actor
from broker.services.requests.entity_tags import matches, tag_of
from broker.services.requests.references import authorised_node
from broker.storage import nodes, tables, trash
from broker.storage.database import Connection
from broker.storage.table_rows import Filter

JUST_TABLES = frozenset({Kind.TABLE})


async def create(connection: Connection, actor: Actor, request: TableRequest) -> Table:
    """A new table without rows.

    Raises:
        NameTaken: the name is in use where the table would lie.
        InvalidInput: there is no such place, or it is not to be seen.
    """
    place = places.required(actor, Kind.TABLE, request.project)
    node = await nodes.create(connection, Kind.TABLE, place, request.name, actor.account_id)
    if node is None:
        raise NameTaken(f"the name {request.name!r} is taken")
    table = TableId(node)
    await tables.create(connection, table, request.description, request.columns)
    return await of(connection, table)


async def authorised(connection: Connection, actor: Actor, reference: str) -> Table:
    """The table that `project/name` or an id names, once the policy allows the route's action.

    Raises:
        InvalidInput: an id of another kind.
        NotFound: there is none, or it is not the caller's to see; the answers are the same.
        Forbidden: the caller may not do this to it.
    """
    node = authorised_node(actor, Kind.TABLE, reference, "{table}")
    return await of(connection, TableId(node))


async def of(connection: Connection, table: TableId) -> Table:
    """A table that exists; the caller authorises."""
    found = await tables.find(connection, table)
    assert found is not None, "the node of a table has one"
    return found


async def page(
    connection: Connection, actor: Actor, *, project: str | None, before: int, rows_max: int
) -> list[Table]:
    """Tables that the caller may see, newest first (T12).

    Raises:
        NotFound: there is no such project, or it is not to be seen.
    """
    actor.require()
    visible = actor.world.visible(actor.principal, Action.TABLE_VIEW)
    seen = None if visible.everything else actor.world.inheriting(visible.benefactors, JUST_TABLES)
    inside = places.filtered(actor, project)
    return await tables.page(
        connection, before=before, rows_max=rows_max, among=seen, project=inside
    )


def etag(table: Table) -> str:
    """The entity tag: of what people edit only."""
    return tag_of(table.id, table.description, [c.model_dump_json() for c in table.columns])


async def change(
    connection: Connection,
    actor: Actor,
    reference: str,
    request: TableChange,
    *,
    if_match: frozenset[str],
) -> Table:
    """Changes the fields that the request names.

    Raises:
        PreconditionFailed: somebody else changed the table since.
        Conflict: other columns, while there are rows.
    """
    table = await authorised(connection, actor, reference)
    ids = (show("table", table.id),)
    held = await tables.lock(connection, table.id)
    table = table.model_copy(update={"columns": held.columns, "rows": held.rows})
    if not matches(if_match, etag(table)):
        raise PreconditionFailed("the table was changed since you read it; read it again", ids=ids)
    new = table.model_copy(
        update={name: getattr(request, name) for name in request.model_dump(exclude_none=True)}
    )
    if new.columns != table.columns and table.rows:
        raise Conflict("columns change only while a table has no rows; delete them first", ids=ids)
    await tables.change(connection, table.id, new.description, new.columns)
    return new


async def delete(connection: Connection, actor: Actor, reference: str) -> None:
    """Puts a table into the trash; batches that were made of it stay."""
    table = await authorised(connection, actor, reference)
    await trash.put(connection, NodeId(table.id))


def filter_of(
    columns: Sequence[Column], where: Mapping[str, Scalar | None] | None, pointer: str
) -> Filter:
    """Which rows hold these values, as storage asks for them.

    Raises:
        InvalidInput: a column that is not there, or a value that does not fit it.
    """
    places = {column.name: place for place, column in enumerate(columns)}
    positions, values = [], []
    for name, value in (where or {}).items():
        if name not in places:
            raise InvalidInput.of(f"{pointer}/{name}", "the table has no such column")
        column = columns[places[name]].model_copy(update={"nullable": True})
        try:
            cell = of_json(column, value)
        except CellError as error:
            raise InvalidInput.of(f"{pointer}/{name}", error.detail) from None
        positions.append(places[name])
        values.append(to_text(cell))
    return Filter(positions, values)
