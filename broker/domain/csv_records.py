"""Records of comma-separated values as RFC 4180 has them, one at a time.

An empty field without quotes is None, `""` is the empty text; Python's csv module cannot tell them
apart. Lines become records where no quote is open.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

_FIELD: Final = re.compile(r'("[^"]*(?:""[^"]*)*"|[^",]*)(,|\Z)')
_NEEDS_QUOTES: Final = re.compile(r'[",\r\n]')


def fields(record: str) -> list[str | None]:
    """The fields of a record without the end of its line.

    Raises:
        ValueError: a quote stands where none may stand.
    """
    found: list[str | None] = []
    at, more = 0, True
    while more:
        match = _FIELD.match(record, at)
        if match is None:
            raise ValueError("a quote must begin a field and end it, and is doubled inside")
        text, comma = match.groups()
        if text.startswith('"'):
            found.append(text[1:-1].replace('""', '"'))
        else:
            found.append(text or None)
        at, more = match.end(), bool(comma)
    return found


def record(values: Sequence[str | None]) -> str:
    """A record with the end of its line."""
    return ",".join(map(_field, values)) + "\r\n"


def _field(value: str | None) -> str:
    if value is None:
        return ""
    if value == "" or _NEEDS_QUOTES.search(value):
        return '"' + value.replace('"', '""') + '"'
    return value


@dataclass(slots=True)
class Joiner:
    """Makes records of lines: a line break between quotes belongs to the field.

    Args:
        bytes_max: of one record; a quote that is never closed would swallow everything.
    """

    bytes_max: int
    _lines: list[bytes] = field(default_factory=list)
    _first: int = 0
    _bytes: int = 0
    _open: bool = False

    def add(self, number: int, lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
        """The records that end in these lines, each with the number of its first line.

        Args:
            number: of the first of the lines, which follow those that were added before.

        Raises:
            ValueError: a record is too long; the message says where it begins.
        """
        for at, line in enumerate(lines, start=number):
            if not self._open:
                self._first = at
            self._open ^= line.count(b'"') % 2 == 1
            if not self._open and not self._lines:
                yield at, line.removesuffix(b"\r")
                continue
            self._lines.append(line)
            self._bytes += len(line)
            if self._bytes > self.bytes_max:
                raise ValueError(
                    f"line {self._first}: a record of more than {self.bytes_max} bytes"
                )
            if not self._open:
                yield self._first, self._taken().removesuffix(b"\r")

    def end(self) -> Iterator[tuple[int, bytes]]:
        """What is left at the end of the text: a record whose quote was never closed."""
        if self._lines:
            yield self._first, self._taken()

    def _taken(self) -> bytes:
        joined = b"\n".join(self._lines)
        self._lines, self._bytes = [], 0
        return joined
