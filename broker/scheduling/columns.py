"""Checked columns: what reaches a kernel is one-dimensional, contiguous, typed and in range.

A kernel does no checks of its own, so a NaN or a negative index would corrupt a plan silently.
Every complaint names the argument and the first index at fault.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

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
