"""The one door to Numba: decorators that compile a kernel and keep its Python type.

A kernel is a plain loop over arrays and numbers. Numba has no type stubs, so this module casts the
compiled function back to the type that was written; everything else in the room stays checked.

Kernels that call each other stand in one file: Numba notices an edited file by its own time stamp,
so a kernel cached from `a.py` would go on using the old code of a callee edited in `b.py`.
"""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])
Each = TypeVar("Each", bound=tuple[object, ...])

each_of = cast(Callable[[Each], Each], numba.literal_unroll)
"""What a kernel loops over where the items of a tuple are of different types."""


def kernel(function: Function) -> Function:
    """Compile `function` without Python objects and keep the machine code beside its source.

    Division by zero is not checked for: no kernel divides by what may be zero.

    Where neither the source directory nor the user's cache directory can be written, Numba refuses
    to cache; the kernel is then compiled anew by each process instead of failing at import.
    """
    return _compiled(function)


def lean_kernel(function: Function) -> Function:
    """`kernel` for what only reads and writes the arrays that it is handed, and returns numbers.

    Numba counts the references to an array with an atomic instruction, on the way into and out of
    every kernel, however small: in the inner loop of the dispatch that was two thirds of the time.
    Who neither makes nor returns an array needs no count.
    """
    return _compiled(function, _nrt=False)


def _compiled(function: Function, **options: bool) -> Function:
    compile_ = cast(Callable[..., Callable[[Function], Function]], numba.njit)
    try:
        return compile_(cache=True, error_model="numpy", **options)(function)
    except RuntimeError:
        return compile_(error_model="numpy", **options)(function)
