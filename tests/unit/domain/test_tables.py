"""Cells and records: what is written is read back as it was, and what does not fit is named."""

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain import csv_records
from broker.domain.csv_records import Joiner
from broker.domain.tables import (
    INTEGER_MAX,
    Cell,
    CellError,
    of_json,
    of_text,
    row_of_json,
    to_text,
)
from broker.protocol.limits import CELL_CHARACTERS_MAX, LINE_BYTES_MAX
from broker.protocol.tables import Column, ColumnType

T = ColumnType
VALUES: dict[ColumnType, st.SearchStrategy[Cell]] = {
    T.TEXT: st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    T.INTEGER: st.integers(-INTEGER_MAX, INTEGER_MAX),
    T.NUMBER: st.floats(allow_nan=False, allow_infinity=False),
    T.BOOLEAN: st.booleans(),
}


def column(kind: ColumnType, *, nullable: bool = True, name: str = "c") -> Column:
    return Column(name=name, type=kind, nullable=nullable)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[Column], list[list[Cell]]]:
    """Columns, and rows that fit them."""
    kinds = draw(st.lists(st.tuples(st.sampled_from(T), st.booleans()), min_size=1, max_size=5))
    columns = [
        column(kind, nullable=nullable, name=f"c{place}")
        for place, (kind, nullable) in enumerate(kinds)
    ]
    cells = [st.none() | VALUES[c.type] if c.nullable else VALUES[c.type] for c in columns]
    return columns, draw(st.lists(st.tuples(*cells).map(list), max_size=5))


def same(one: Sequence[Cell], other: Sequence[Cell]) -> bool:
    """Equal in type and sign, too: 0.0 is neither -0.0 nor 0 nor False."""
    return list(map(repr, one)) == list(map(repr, other))


@given(tables(), st.lists(st.integers(1, 40)))
def test_rows_survive_csv_however_the_text_is_cut_into_lines(
    table: tuple[list[Column], list[list[Cell]]], cuts: list[int]
) -> None:
    columns, rows = table
    text = "".join(csv_records.record([to_text(cell) for cell in row]) for row in rows).encode()
    lines = text.split(b"\n")[:-1]
    joiner = Joiner(LINE_BYTES_MAX)
    records: list[tuple[int, bytes]] = []
    number = 1
    for cut in [*cuts, len(lines) + 1]:
        part, lines = lines[:cut], lines[cut:]
        records += joiner.add(number, part)
        number += len(part)
    assert not list(joiner.end())
    found = [
        [
            of_text(c, field)
            for c, field in zip(columns, csv_records.fields(record.decode()), strict=True)
        ]
        for _, record in records
    ]
    assert len(found) == len(rows)
    assert all(map(same, found, rows))


@given(tables())
def test_rows_survive_json(table: tuple[list[Column], list[list[Cell]]]) -> None:
    columns, rows = table
    for row in rows:
        names = [c.name for c in columns]
        sent = orjson.loads(orjson.dumps(dict(zip(names, row, strict=True))))
        assert same(row_of_json(columns, sent), row)


@given(st.text())
def test_any_text_is_fields_or_refused(text: str) -> None:
    try:
        found = csv_records.fields(text)
    except ValueError:
        return
    assert csv_records.fields(csv_records.record(found).removesuffix("\r\n")) == found


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("", [None]),
        (",", [None, None]),
        ('""', [""]),
        ('a,"b,""c"', ["a", 'b,"c']),
        ('"a\r\nb",c', ["a\r\nb", "c"]),
        (" a , b ", [" a ", " b "]),
    ],
)
def test_a_record_is_what_rfc_4180_says(record: str, expected: list[str | None]) -> None:
    assert csv_records.fields(record) == expected


@pytest.mark.parametrize("record", ['"a', 'a"b', '"a"b', '"a" ,b', 'a,"'])
def test_a_quote_in_the_wrong_place_is_refused(record: str) -> None:
    with pytest.raises(ValueError, match="quote"):
        csv_records.fields(record)


def test_records_know_the_line_where_they_begin() -> None:
    joiner = Joiner(1_000)
    first = list(joiner.add(1, [b"a", b'"b', b"c"]))
    second = list(joiner.add(4, [b'd"', b'"e', b'f"']))
    assert first + second == [(1, b"a"), (2, b'"b\nc\nd"'), (5, b'"e\nf"')]
    assert list(joiner.add(7, [b'"never closed'])) == []
    assert list(joiner.end()) == [(7, b'"never closed')]


def test_a_quote_that_is_never_closed_does_not_swallow_everything() -> None:
    with pytest.raises(ValueError, match=r"line 3: .* 100 bytes"):
        list(Joiner(100).add(3, [b'"'] + [b"x" * 20] * 6))


@pytest.mark.parametrize(
    ("kind", "value", "says"),
    [
        (T.TEXT, 1, "a text"),
        (T.TEXT, "a\0", "NUL"),
        (T.TEXT, "x" * (CELL_CHARACTERS_MAX + 1), "characters"),
        (T.INTEGER, 1.0, "integer"),
        (T.INTEGER, True, "integer"),
        (T.INTEGER, "1", "integer"),
        (T.INTEGER, INTEGER_MAX + 1, "64 bits"),
        (T.NUMBER, "1", "a number"),
        (T.NUMBER, True, "a number"),
        (T.NUMBER, float("inf"), "finite"),
        (T.BOOLEAN, 1, "true or false"),
        (T.BOOLEAN, [], "true or false"),
    ],
)
def test_a_json_value_that_does_not_fit_is_refused(kind: ColumnType, value: Any, says: str) -> None:
    with pytest.raises(CellError, match=says):
        of_json(column(kind), value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (T.INTEGER, "1.0"),
        (T.INTEGER, " 1"),
        (T.INTEGER, "1_000"),
        (T.INTEGER, "\u0661"),
        (T.INTEGER, "9" * 19),
        (T.INTEGER, ""),
        (T.NUMBER, "nan"),
        (T.NUMBER, "1e999"),
        (T.NUMBER, "0x1"),
        (T.BOOLEAN, "yes"),
    ],
)
def test_a_field_that_does_not_fit_is_refused(kind: ColumnType, text: str) -> None:
    with pytest.raises(CellError):
        of_text(column(kind), text)


@pytest.mark.parametrize(
    ("kind", "text", "cell"),
    [
        (T.INTEGER, "+7", 7),
        (T.NUMBER, "7", 7.0),
        (T.NUMBER, ".5e-3", 0.0005),
        (T.BOOLEAN, "TRUE", True),
        (T.TEXT, "NULL", "NULL"),
        (T.TEXT, None, None),
    ],
)
def test_a_field_is_read_as_its_column_says(kind: ColumnType, text: str | None, cell: Cell) -> None:
    assert same([of_text(column(kind), text)], [cell])


def test_what_may_not_be_null_is_refused_when_left_out() -> None:
    needed = column(T.INTEGER, nullable=False, name="n")
    for attempt in (lambda: row_of_json([needed], {}), lambda: of_text(needed, None)):
        with pytest.raises(CellError, match="needs a value"):
            attempt()
    assert of_text(column(T.TEXT, nullable=False), None) == ""


def test_an_unknown_column_is_named() -> None:
    columns = [column(T.INTEGER, name="a"), column(T.INTEGER, name="b")]
    with pytest.raises(CellError, match="no such column") as caught:
        row_of_json(columns, {"a": 1, "c": 2})
    assert caught.value.column == "c"
