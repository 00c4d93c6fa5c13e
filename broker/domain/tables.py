"""Cells of tables: from JSON and from text, checked against their column; and back.

A cell is None, str, int, float or bool. What comes out of `of_json` or `of_text` is what is stored,
and what `to_text` and JSON write is read back as the same cell.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Final, assert_never

import orjson

from broker.protocol.apps import Scalar
from broker.protocol.limits import CELL_CHARACTERS_MAX
from broker.protocol.tables import Column, ColumnType

Cell = Scalar | None
INTEGER_MAX: Final = 2**63 - 1
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,19}")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_BOOLEANS: Final = {"true": True, "false": False}


class CellError(ValueError):
    """A value that does not fit its column; the message says why.

    Args:
        column: name of the column.
    """

    def __init__(self, column: str, detail: str) -> None:
        super().__init__(detail)
        self.column = column
        self.detail = detail


def of_json(column: Column, value: object) -> Cell:
    """The cell that a JSON value means.

    Raises:
        CellError: it does not fit the column.
    """
    if value is None:
        if column.nullable:
            return None
        raise CellError(column.name, "needs a value")
    kind = column.type
    match kind:
        case ColumnType.TEXT:
            if type(value) is str:
                return _text(column, value)
        case ColumnType.INTEGER:
            if type(value) is int and -INTEGER_MAX <= value <= INTEGER_MAX:
                return value
        case ColumnType.NUMBER:
            if type(value) in (int, float):
                return _finite(column, float(value))  # type: ignore[arg-type]
        case ColumnType.BOOLEAN:
            if type(value) is bool:
                return value
        case _:
            assert_never(kind)
    raise CellError(column.name, f"expected {_EXPECTED[kind]}")


def of_text(column: Column, text: str | None) -> Cell:
    """The cell that a field of a CSV record means.

    Args:
        text: None for an empty field without quotes.

    Raises:
        CellError: it does not fit the column.
    """
    kind = column.type
    if text is None:
        return "" if kind is ColumnType.TEXT and not column.nullable else of_json(column, None)
    match kind:
        case ColumnType.TEXT:
            return _text(column, text)
        case ColumnType.INTEGER:
            if _INTEGER.fullmatch(text):
                return of_json(column, int(text))
        case ColumnType.NUMBER:
            if _NUMBER.fullmatch(text):
                return _finite(column, float(text))
        case ColumnType.BOOLEAN:
            if (value := _BOOLEANS.get(text.lower())) is not None:
                return value
        case _:
            assert_never(kind)
    raise CellError(column.name, f"expected {_EXPECTED[kind]}, got {text[:40]!r}")


def to_text(cell: Cell) -> str | None:
    """A cell as a field of a CSV record; None for an empty one without quotes."""
    if cell is None or isinstance(cell, str):
        return cell
    return orjson.dumps(cell).decode()


def row_of_json(columns: Sequence[Column], values: Mapping[str, object]) -> list[Cell]:
    """The cells of a row that came as an object; columns that it leaves out are null.

    Raises:
        CellError: a value does not fit, or its column does not exist.
    """
    cells = [of_json(column, values.get(column.name)) for column in columns]
    if sum(column.name in values for column in columns) < len(values):
        raise _unknown(columns, values)
    return cells


def _unknown(columns: Sequence[Column], values: Mapping[str, object]) -> CellError:
    names = {column.name for column in columns}
    return CellError(next(name for name in values if name not in names), "there is no such column")


def _text(column: Column, text: str) -> str:
    if len(text) > CELL_CHARACTERS_MAX:
        raise CellError(column.name, f"more than {CELL_CHARACTERS_MAX} characters")
    if "\0" in text:
        raise CellError(column.name, "holds a NUL character")
    return text


def _finite(column: Column, value: float) -> float:
    if not math.isfinite(value):
        raise CellError(column.name, "not a finite number")
    return value


_EXPECTED: Final = {
    ColumnType.TEXT: "a text",
    ColumnType.INTEGER: "an integer of 64 bits",
    ColumnType.NUMBER: "a number",
    ColumnType.BOOLEAN: "true or false",
}
