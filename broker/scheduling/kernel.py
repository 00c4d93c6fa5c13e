"""The one door to Numba: a decorator that compiles a kernel and keeps its Python type.

A kernel is a plain loop over arrays and numbers. Numba has no type stubs, so this module casts the
compiled function back to the type that was written; everything else in the room stays checked.

Kernels that call each other stand in one file: Numba notices an edited file by its own time stamp,
so a kernel cached from `a.py` would go on using the old code of a callee edited in `b.py`.
"""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])


def kernel(function: Function) -> Function:
    """Compile `function` without Python objects and keep the machine code beside its source.

    Division by zero is not checked for: no kernel divides by what may be zero.

    Where neither the source directory nor the user's cache directory can be written, Numba refuses
    to cache; the kernel is then compiled anew by each process instead of failing at import.
    """
    try:
        compiled = numba.njit(cache=True, error_model="numpy")(function)
    except RuntimeError:
        compiled = numba.njit(error_model="numpy")(function)
    return cast(Function, compiled)
