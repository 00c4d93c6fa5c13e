"""Puts schema.sql into an empty database, or checks that the one there is ours."""

import hashlib
import re
import secrets
from importlib.resources import files
from pathlib import Path

import asyncpg

from broker.errors import StartupError
from broker.storage.database import LONG_STATEMENT_SECONDS_MAX, Connection

# Two brokers that start at once on an empty database: one applies, the other waits.
_LOCK = 7_246_912_201


def schema_text() -> str:
    """The text of schema.sql, from the wheel or from the checkout."""
    packaged = files("broker.storage") / "schema.sql"
    if packaged.is_file():
        return packaged.read_text()
    return (Path(__file__).parents[2] / "schema.sql").read_text()


def schema_digest() -> str:
    """SHA-256 of schema.sql without its comments and spacing, which make no other database."""
    code = re.sub(r"--.*", "", schema_text())
    return hashlib.sha256(" ".join(code.split()).encode()).hexdigest()


async def apply(connection: Connection) -> str:
    """Makes the tables unless they are there, and returns the deployment's id.

    Raises:
        StartupError: the database holds another version's tables, or somebody else's.
    """
    async with connection.transaction():
        await connection.execute(
            "SELECT pg_advisory_xact_lock($1)", _LOCK, timeout=LONG_STATEMENT_SECONDS_MAX
        )
        if await connection.fetchval("SELECT to_regclass('deployment') IS NULL"):
            try:
                await connection.execute(schema_text(), timeout=LONG_STATEMENT_SECONDS_MAX)
            except asyncpg.DuplicateObjectError as error:
                raise StartupError(
                    f"the database is not empty and not Fairlead's: {error}"
                ) from error
            await connection.execute(
                "INSERT INTO deployment (id, schema_digest) VALUES ($1, $2)",
                secrets.token_hex(6),
                schema_digest(),
            )
        row = await connection.fetchrow("SELECT id, schema_digest FROM deployment")
    if row is None or row["schema_digest"] != schema_digest():
        raise StartupError(
            "the database was made by another version of Fairlead; "
            "use that version, or an empty database"
        )
    return str(row["id"])
