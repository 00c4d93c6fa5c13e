"""Named SQL blocks: `sql/<noun>.sql` holds the text, Python says only the name.

A block starts with a line `-- name: <verb>` and reaches to the next one. A test PREPAREs every
block against schema.sql, so a misspelt column fails there and not at night.
"""

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


class Blocks:
    """The blocks of one file as attributes: `SQL.claim`."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = texts

    def __getattr__(self, name: str) -> str:
        try:
            return self.texts[name]
        except KeyError:
            raise AttributeError(f"no SQL block named {name}") from None


@cache
def load(noun: str) -> Blocks:
    """The blocks of `sql/<noun>.sql`."""
    text = (files("broker.storage") / "sql" / f"{noun}.sql").read_text()
    _, *parts = _NAME.split(text)
    return Blocks(dict(zip(parts[::2], (body.strip() for body in parts[1::2]), strict=True)))


def nouns() -> list[str]:
    """The names of all block files, for the test that prepares them."""
    folder = files("broker.storage") / "sql"
    return sorted(entry.name.removesuffix(".sql") for entry in folder.iterdir())
