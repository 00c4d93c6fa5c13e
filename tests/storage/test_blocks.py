"""Every SQL block against the real schema: a misspelt column fails here and not at night."""

import asyncpg
import pytest

from broker.storage import blocks
from broker.storage.database import Database

BLOCKS = [(noun, verb) for noun in blocks.nouns() for verb in blocks.load(noun).texts]


async def test_every_block_is_understood_by_postgresql(database: Database) -> None:
    refused = {}
    async with database.connection() as connection:
        for noun, verb in BLOCKS:
            try:
                await connection.prepare(blocks.load(noun).texts[verb])
            except asyncpg.PostgresError as error:
                refused[f"{noun}.{verb}"] = str(error)
    assert refused == {}


@pytest.mark.parametrize(("noun", "verb"), BLOCKS)
def test_block_names_each_parameter_that_it_takes(noun: str, verb: str) -> None:
    lines = blocks.load(noun).texts[verb].splitlines()
    told = " ".join(line for line in lines if line.startswith("--"))
    text = " ".join(line for line in lines if not line.startswith("--"))
    numbers = {part.split(":")[0].rstrip(",)") for part in text.replace("(", " ").split("$")[1:]}
    for number in sorted(number for number in numbers if number.isdigit()):
        assert f"${number} " in told, f"${number} is not explained"


def test_every_block_is_used() -> None:
    """A function of `storage` runs each block; a block that nobody runs is a stale idea."""
    from importlib.resources import files

    sources = {
        entry.name.removesuffix(".py"): entry.read_text()
        for entry in files("broker.storage").iterdir()
        if entry.name.endswith(".py")
    }
    unused = [
        f"{noun}.{verb}" for noun, verb in BLOCKS if f"SQL.{verb}" not in sources.get(noun, "")
    ]
    assert unused == []
