"""Who changed what of apps: written once, never changed."""

from collections.abc import Sequence

import orjson

from broker.protocol.apps import Edit, EditKind, FieldChange
from broker.protocol.ids import AccountId, AppId
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("app_edits")


async def note(
    connection: Connection,
    app: AppId,
    account: AccountId,
    kind: EditKind,
    version: int | None,
    changes: Sequence[FieldChange],
) -> None:
    """Writes down one edit.

    Args:
        version: number of the version that was edited; None for the app itself.
    """
    text = orjson.dumps([each.model_dump() for each in changes]).decode()
    await connection.execute(SQL.note, app, account, version, kind, text)


async def page(connection: Connection, app: AppId, *, before: int, rows_max: int) -> list[Edit]:
    """Edits of an app, newest first."""
    rows = await connection.fetch(SQL.page, app, before, rows_max)
    return [Edit.model_validate({**row, "changes": orjson.loads(row["changes"])}) for row in rows]
