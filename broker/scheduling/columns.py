"""Checked columns: what reaches a kernel is one-dimensional, contiguous, typed and in range.

A kernel does no checks of its own, so a NaN or a negative index would corrupt a plan silently.
Every complaint names the argument and the first index at fault.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Masks = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

type_names = {"f": "numbers", "i": "whole numbers", "u": "whole numbers"}


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
    raw = np.asarray(values)
    wanted = np.dtype(dtype)
    if raw.ndim != 1:
        raise InvalidColumnError(argument, f"must have one dimension, not {raw.ndim}")
    if length is not None and raw.size != length:
        raise InvalidColumnError(argument, f"must have {length} entries, not {raw.size}")
    if raw.dtype == wanted:
        return np.ascontiguousarray(raw)
    if raw.size and raw.dtype.kind not in ("iu" if wanted.kind in "iu" else "iuf"):
        raise InvalidColumnError(argument, f"must hold {type_names[wanted.kind]}, not {raw.dtype}")
    if raw.size and wanted.kind in "iu":
        limits = np.iinfo(wanted)
        outside = (raw < limits.min) | (raw > limits.max)
        refuse(argument, outside, f"does not fit {wanted}")
    return np.ascontiguousarray(raw, dtype=wanted)


def refuse(argument: str, wrong: npt.NDArray[np.bool_], why: str) -> None:
    """Raise InvalidColumnError at the first true entry of `wrong`."""
    if wrong.any():
        raise InvalidColumnError(argument, why, int(np.argmax(wrong)))


def refuse_negative(argument: str, values: npt.NDArray[Any]) -> None:
    """Raise where an entry is below zero."""
    refuse(argument, values < 0, "is negative")


def refuse_not_finite(argument: str, values: npt.NDArray[Any]) -> None:
    """Raise where an entry is NaN or infinite."""
    refuse(argument, ~np.isfinite(values), "is not a finite number")


def empty() -> npt.NDArray[Any]:
    """What stands for a column that was left out."""
    return np.zeros(0)


class Columns:
    """Lets a frozen dataclass replace each field by its checked column, once, when it is made."""

    def _take(self, name: str, dtype: npt.DTypeLike, length: int | None = None) -> None:
        checked = column(self._argument(name), getattr(self, name), dtype, length)
        object.__setattr__(self, name, checked)

    def _take_or_fill(self, name: str, dtype: npt.DTypeLike, length: int, value: float) -> None:
        """A column that may be left out; `value` then stands in every row."""
        if np.size(getattr(self, name)) == 0:
            object.__setattr__(self, name, np.full(length, value, dtype))
        else:
            self._take(name, dtype, length)

    def _refuse_negative(self, *names: str) -> None:
        for name in names:
            refuse_negative(self._argument(name), getattr(self, name))

    def _refuse_not_finite(self, *names: str) -> None:
        for name in names:
            refuse_not_finite(self._argument(name), getattr(self, name))

    def _refuse_nan(self, *names: str) -> None:
        for name in names:
            refuse(self._argument(name), np.isnan(getattr(self, name)), "is not a number")

    def _argument(self, name: str) -> str:
        return f"{type(self).__name__.lower()}.{name}"


class Bounded(Columns):
    """Columns with a `minimum` and a `maximum` in slots: from 0 on, up to no bound at all."""

    minimum: Floats
    maximum: Floats

    def _take_bounds(self, length: int) -> None:
        self._take_or_fill("minimum", np.float64, length, 0.0)
        self._take_or_fill("maximum", np.float64, length, np.inf)
        self._refuse_not_finite("minimum")
        refuse(self._argument("maximum"), np.isnan(self.maximum), "is not a number")
        self._refuse_negative("minimum", "maximum")
        refuse(self._argument("minimum"), self.minimum > self.maximum, "exceeds its maximum")
