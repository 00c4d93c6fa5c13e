"""Checked columns: what reaches a kernel is one-dimensional, contiguous, typed and in range.

A kernel does no checks of its own, so a NaN or a negative index would corrupt a plan silently.
Every complaint names the argument and the first index at fault.
"""

from typing import Any, NamedTuple, TypeGuard

import numpy as np
import numpy.typing as npt

from broker.scheduling.kernel import kernel

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Masks = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FLOAT, INT32, INT64 = np.dtype(np.float64), np.dtype(np.int32), np.dtype(np.int64)
MASK, BOOL = np.dtype(np.uint64), np.dtype(np.bool_)
LARGEST = float(np.finfo(np.float64).max)

type_names = {"f": "numbers", "i": "whole numbers", "u": "whole numbers", "b": "truth values"}
accepted_kinds = {"f": "iuf", "i": "iu", "u": "iu", "b": "b"}


class InvalidColumnError(ValueError):
    """An argument of the scheduler that no plan can be made from; says which and where."""

    def __init__(self, argument: str, why: str, index: int | None = None) -> None:
        self.argument = argument
        self.index = index
        place = argument if index is None else f"{argument}[{index}]"
        super().__init__(f"{place} {why}")


def column(
    argument: str, values: npt.ArrayLike, dtype: npt.DTypeLike, length: int | None = None
) -> npt.NDArray[Any]:
    """Return `values` as a contiguous 1-d array of `dtype`, copied only where it must be.

    Raises InvalidColumnError for another shape or length, for fractions where whole numbers are
    due, and for numbers that `dtype` cannot hold.
    """
    wanted = np.dtype(dtype)
    if is_column(values, wanted, length):
        return values
    raw = np.asarray(values)
    if raw.ndim != 1:
        raise InvalidColumnError(argument, f"must have one dimension, not {raw.ndim}")
    if length is not None and raw.size != length:
        raise InvalidColumnError(argument, f"must have {length} entries, not {raw.size}")
    if raw.dtype == wanted:
        return np.ascontiguousarray(raw)
    if raw.size and raw.dtype.kind not in accepted_kinds[wanted.kind]:
        raise InvalidColumnError(argument, f"must hold {type_names[wanted.kind]}, not {raw.dtype}")
    if raw.size and wanted.kind in "iu":
        limits = np.iinfo(wanted)
        outside = (raw < limits.min) | (raw > limits.max)
        refuse(argument, outside, f"does not fit {wanted}")
    return np.ascontiguousarray(raw, dtype=wanted)


def is_column(
    values: npt.ArrayLike, dtype: np.dtype[Any], length: int | None
) -> TypeGuard[npt.NDArray[Any]]:
    """Whether `column` would hand `values` back as they are."""
    return (
        type(values) is np.ndarray
        and (values.dtype is dtype or values.dtype == dtype)
        and values.ndim == 1
        and (length is None or values.size == length)
        and values.flags.c_contiguous
    )


@kernel
def within(values: npt.NDArray[Any], low: float, high: float) -> bool:
    """Whether all values lie in low..high; NaN lies nowhere."""
    inside = True
    for row in range(values.size):
        inside &= (values[row] >= low) & (values[row] <= high)
    return inside


@kernel
def exceeds(values: Floats, others: Floats) -> bool:
    """Whether any value is greater than the other one of its row."""
    found = False
    for j in range(values.size):
        found |= values[j] > others[j]
    return found


def refuse(argument: str, wrong: npt.NDArray[np.bool_], why: str) -> None:
    """Raise InvalidColumnError at the first true entry of `wrong`."""
    if wrong.any():
        raise InvalidColumnError(argument, why, int(np.argmax(wrong)))


def refuse_negative(argument: str, values: npt.NDArray[Any]) -> None:
    """Raise where an entry is below zero."""
    if not within(values, 0.0, np.inf):
        refuse(argument, values < 0, "is negative")


def refuse_not_finite(argument: str, values: npt.NDArray[Any]) -> None:
    """Raise where an entry is NaN or infinite."""
    if not within(values, -LARGEST, LARGEST):
        refuse(argument, ~np.isfinite(values), "is not a finite number")


def empty() -> npt.NDArray[Any]:
    """What stands for a column that was left out."""
    return np.zeros(0)


class Rule(NamedTuple):
    """A column of a table: its type, the bounds of its values, what is said of those outside, and
    what stands in every row where it was left out; None where it must be there."""

    name: str
    dtype: np.dtype[Any]
    low: float = -np.inf
    high: float = np.inf
    why: str = "is negative"
    default: float | None = None

    def complain(self, argument: str, values: npt.NDArray[Any]) -> None:
        """Raise InvalidColumnError where a value breaks the rule."""
        if self.high < np.inf:
            refuse(argument, ~np.isfinite(values), "is not a finite number")
        refuse(argument, np.isnan(values), "is not a number")
        refuse(argument, (values < self.low) | (values > self.high), self.why)


Rules = tuple[Rule, ...]


class Columns:
    """Lets a frozen dataclass replace each field by its checked column, once, when it is made.

    A plan is made many times a second, so what is in order is waved through without a name or a
    copy; only for a complaint is a column looked at again.
    """

    def _check(self, rules: Rules) -> None:
        """Bring columns to their types and to the length of the first one, and fill those that were
        left out. Raises InvalidColumnError for what breaks a rule."""
        size: int | None = None
        for rule in rules:
            name, dtype, low, high, _, default = rule
            values = getattr(self, name)
            if not is_column(values, dtype, size):
                if default is not None and size is not None and np.size(values) == 0:
                    values = np.empty(size, dtype)
                    values.fill(default)
                else:
                    values = column(self._argument(name), values, dtype, size)
                object.__setattr__(self, name, values)
            if not within(values, low, high):
                rule.complain(self._argument(name), values)
            size = values.size

    def refuse_outside(self, name: str, low: int, high: float, why: str) -> None:
        """Values below `low` or above `high`."""
        values = getattr(self, name)
        if not within(values, float(low), float(high)):
            refuse(self._argument(name), (values < low) | (values > high), why)

    def _argument(self, name: str) -> str:
        return f"{type(self).__name__.lower()}.{name}"


class Bounded(Columns):
    """Columns with a `minimum` and a `maximum` in slots."""

    minimum: Floats
    maximum: Floats

    def _check_bounds(self) -> None:
        if exceeds(self.minimum, self.maximum):
            refuse(self._argument("minimum"), self.minimum > self.maximum, "exceeds its maximum")
