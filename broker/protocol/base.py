"""The base of all wire models, and the field types that several of them share."""

from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from broker.protocol.limits import NAME_CHARACTERS_MAX, TEXT_CHARACTERS_MAX, TITLE_CHARACTERS_MAX


class Message(BaseModel):
    """A frozen message; unknown fields are refused so that a typo is never silently dropped."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )


class View(Message):
    """A message that the broker sends: a newer broker may add fields that we do not know."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", use_attribute_docstrings=True, allow_inf_nan=True
    )


class Content(Message):
    """A message that carries people's own words or data: the audit log keeps only its digest."""


CONTROL_CHARACTERS = frozenset(map(chr, [*range(32), 127])) - {"\t", "\n"}


def _no_control_characters(text: str) -> str:
    if not CONTROL_CHARACTERS.isdisjoint(text):
        raise ValueError("control characters are not allowed")
    return text


NAME = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
LABEL = r"^[^\s/]([^/\t\n]*[^\s/])?$"
PARAMETER_NAME = r"^[A-Za-z][A-Za-z0-9_]*$"
FILE_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$"
DIGEST = r"^[0-9a-f]{64}$"

IN_WORDS = {
    NAME: "lower-case letters, digits, dots and hyphens, with a letter or digit at both ends",
    LABEL: "a text without a slash, and without blanks at its ends",
    PARAMETER_NAME: "letters, digits and underscores, with a letter first",
    FILE_NAME: "letters, digits, dots, hyphens and underscores, with no dot or hyphen first",
    DIGEST: "64 hexadecimal digits in lower case",
}
"""What each of the patterns asks for, for the people whose text it refuses."""

Name = Annotated[str, StringConstraints(pattern=NAME, min_length=1, max_length=NAME_CHARACTERS_MAX)]
"""A unique handle: lower-case letters, digits, dots and hyphens. Never an underscore, so that a
name cannot be mistaken for an id like `app_17`."""

Title = Annotated[
    str, StringConstraints(max_length=TITLE_CHARACTERS_MAX), AfterValidator(_no_control_characters)
]
Text = Annotated[
    str, StringConstraints(max_length=TEXT_CHARACTERS_MAX), AfterValidator(_no_control_characters)
]
Label = Annotated[
    str,
    StringConstraints(pattern=LABEL, max_length=TITLE_CHARACTERS_MAX),
    AfterValidator(_no_control_characters),
]
"""What something is called in the place where it lies: any text without a slash, and without blanks
at its ends."""

ParameterName = Annotated[
    str, StringConstraints(pattern=PARAMETER_NAME, max_length=NAME_CHARACTERS_MAX)
]
"""A parameter of an app: what may stand between braces in a command template."""

FileName = Annotated[str, StringConstraints(pattern=FILE_NAME, min_length=1, max_length=128)]
"""One path component, never a path: nothing to escape from."""

Digest = Annotated[str, StringConstraints(pattern=DIGEST)]
"""SHA-256 in lower-case hexadecimal."""

Item = TypeVar("Item")


class Page(View, Generic[Item]):
    """One page of a list, newest first."""

    items: list[Item]
    """The entries of this page."""
    next_cursor: str | None = None
    """Give this as `?cursor` for the next page; null on the last one."""


class Count(View):
    """How many objects an operation touched."""

    count: int = Field(ge=0)
    """Number of objects changed."""
