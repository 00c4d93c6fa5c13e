"""Tables: typed rows that lie in a project; a batch can have a job for each row."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field, field_validator, model_validator

from broker.protocol.apps import Scalar
from broker.protocol.base import Content, Message, Name, ParameterName, Text, View
from broker.protocol.batches import Where
from broker.protocol.ids import AccountRef, TableRef
from broker.protocol.limits import COLUMNS_PER_TABLE_MAX, ROWS_PER_JSON_MAX


class ColumnType(StrEnum):
    """What a column holds."""

    TEXT = "text"
    INTEGER = "integer"  # of 64 bits
    NUMBER = "number"  # a double, finite
    BOOLEAN = "boolean"


class Column(Message):
    """One column of a table."""

    name: ParameterName
    """Unique in the table; the same letters as in a parameter of an app."""
    type: ColumnType
    """What it holds."""
    nullable: bool = True
    """Whether a row may leave it out."""
    description: Text = ""
    """One sentence for people."""


def _distinct(columns: list[Column] | None) -> list[Column] | None:
    names = [column.name for column in columns or ()]
    if len(set(names)) < len(names):
        raise ValueError("two columns have the same name")
    return columns


class TableRequest(Message):
    """A new table, without rows."""

    name: Name
    """Unique among the tables of its place."""
    project: str = Field(min_length=1, max_length=100)
    """Where it lies: handle or id of a project, or id of a workspace or folder."""
    description: Text = ""
    """What its rows are."""
    columns: list[Column] = Field(min_length=1, max_length=COLUMNS_PER_TABLE_MAX)
    """The columns, in order."""

    _distinct = field_validator("columns")(_distinct)


class TableChange(Message):
    """Changes of a table; what is left out stays."""

    description: Text | None = None
    """What its rows are; null leaves it."""
    columns: list[Column] | None = Field(None, min_length=1, max_length=COLUMNS_PER_TABLE_MAX)
    """Other columns, while the table has no rows; null leaves them."""

    _distinct = field_validator("columns")(_distinct)


class Table(View):
    """A table."""

    id: TableRef
    name: str
    """Unique among the tables of its place."""
    handle: str
    """`project/name`, or `folder_18/name` or `workspace_5/name`."""
    project: str
    """Id of the project or workspace that it lies in."""
    description: str
    """What its rows are."""
    columns: list[Column]
    """The columns, in order."""
    rows: int
    """How many rows it has."""
    created_by: AccountRef
    created_at: datetime


class RowsRequest(Content):
    """Rows to append, all or none."""

    rows: list[dict[ParameterName, Any]] = Field(min_length=1, max_length=ROWS_PER_JSON_MAX)
    """Values by column; what is left out is null."""


class RowsReceipt(View):
    """The answer to an append: every row of it is stored durably."""

    table: TableRef
    """What they were appended to."""
    rows: int
    """How many rows were appended."""
    first_number: int
    """Number of the first of them; the others follow it."""


class Row(View):
    """One row."""

    number: int
    """1, 2, 3, ... in the order in which rows came; a deleted row's number is not used again."""
    values: dict[str, Scalar | None]
    """Values by column."""


class RowsDeletion(Content):
    """Which rows to delete: exactly one of the three."""

    numbers: list[int] | None = Field(None, min_length=1, max_length=ROWS_PER_JSON_MAX)
    """These rows; null for another choice."""
    where: Where | None = Field(None, min_length=1)
    """Rows that hold these values; null for another choice."""
    all: bool = False
    """Every row."""

    @field_validator("numbers")
    @classmethod
    def _in_range(cls, numbers: list[int] | None) -> list[int] | None:
        if any(not 0 < number < 2**31 for number in numbers or ()):
            raise ValueError("a row's number is 1 or more")
        return numbers

    @model_validator(mode="after")
    def _one_choice(self) -> "RowsDeletion":
        if [self.numbers is not None, self.where is not None, self.all].count(True) != 1:
            raise ValueError("give exactly one of numbers, where and all")
        return self
