"""Public ids: a prefix for people and a number for the database, `job_17`.

Inside the programs an id is an integer with a type of its own; on the wire it is the string.
Clients must treat the string as opaque.
"""

from typing import Annotated, Any, NewType

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from broker.errors import InvalidInput

PrincipalId = NewType("PrincipalId", int)  # an account, a team, or one of two groups
NodeId = NewType("NodeId", int)
TeamId = NewType("TeamId", int)
AccountId = NewType("AccountId", int)
AppId = NewType("AppId", int)
VersionId = NewType("VersionId", int)
BatchId = NewType("BatchId", int)
JobId = NewType("JobId", int)
HostId = NewType("HostId", int)
TokenId = NewType("TokenId", int)
LaneId = NewType("LaneId", int)
GroupId = NewType("GroupId", int)
EditId = NewType("EditId", int)
TableId = NewType("TableId", int)

ID_MAX = 2**63 - 1
DIGITS_MAX = len(str(ID_MAX))


def show(kind: str, number: int) -> str:
    """The public form of an id: `show("job", 17)` is "job_17"."""
    return f"{kind}_{number}"


def parse(kind: str, text: str, pointer: str) -> int:
    """The number in a public id.

    Args:
        kind: the expected prefix, e.g. "job".
        text: what the client sent.
        pointer: where it stood, for the error.

    Raises:
        InvalidInput: another prefix, or no number behind it.
    """
    prefix, _, digits = text.partition("_")
    number = _number(digits)
    if prefix != kind or number is None:
        raise InvalidInput.of(pointer, f"expected an id like {kind}_17, got {text[:80]!r}")
    return number


def number_of(text: str) -> int | None:
    """The number in a public id of any kind; None for what is no id."""
    _, underscore, digits = text.rpartition("_")
    return _number(digits) if underscore else None


def _number(digits: str) -> int | None:
    # The length comes first: int() refuses thousands of digits with an error of its own.
    if len(digits) > DIGITS_MAX or not (digits.isascii() and digits.isdigit()):
        return None
    return number if (number := int(digits)) <= ID_MAX else None


def _wire(kind: str) -> Any:
    prefix = kind + "_"

    def validate(value: object) -> int:
        if isinstance(value, int):
            return value
        if isinstance(value, str) and value.startswith(prefix):
            number = _number(value[len(prefix) :])
            if number is not None:
                return number
        raise ValueError(f"expected an id like {kind}_17")

    return (
        BeforeValidator(validate),
        PlainSerializer(lambda number: f"{prefix}{number}", return_type=str),
        WithJsonSchema(
            {"type": "string", "pattern": f"^{prefix}[0-9]+$", "examples": [prefix + "17"]}
        ),
    )


# Fields of wire models: an integer in Python, the prefixed string in JSON.
AccountRef = Annotated[AccountId, *_wire("account")]
AppRef = Annotated[AppId, *_wire("app")]
VersionRef = Annotated[VersionId, *_wire("version")]
BatchRef = Annotated[BatchId, *_wire("batch")]
JobRef = Annotated[JobId, *_wire("job")]
HostRef = Annotated[HostId, *_wire("host")]
TokenRef = Annotated[TokenId, *_wire("token")]
GroupRef = Annotated[GroupId, *_wire("group")]
TeamRef = Annotated[TeamId, *_wire("team")]
DataRootRef = Annotated[NodeId, *_wire("root")]
PoolRef = Annotated[NodeId, *_wire("pool")]
ImageRef = Annotated[NodeId, *_wire("image")]
FileRef = Annotated[NodeId, *_wire("file")]
EditRef = Annotated[EditId, *_wire("edit")]
TableRef = Annotated[TableId, *_wire("table")]
