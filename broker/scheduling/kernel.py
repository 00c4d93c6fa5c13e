"""The one door to Numba: decorators that compile a kernel and keep its Python type.

A kernel is a plain loop over arrays and numbers. Numba has no type stubs, so this module casts the
compiled function back to the type that was written; everything else in the room stays checked.

Numba keeps machine code for as long as the file of a kernel stays as it was. But in the code are
that of the kernels called, and constants, which other files of this room may define. So what is
kept is stamped with the text of all files that the kernel's own imports from, directly or not.
"""

import hashlib
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import caching

ROOM = Path(__file__).parent
IMPORT = re.compile(r"^from broker\.scheduling\.([\w.]+) import", re.MULTILINE)

Function = TypeVar("Function", bound=Callable[..., object])


def kernel(function: Function) -> Function:
    """Compile `function` without Python objects and keep the machine code beside its source.

    Division by zero is not checked for: no kernel divides by what may be zero.

    What takes long to compile: a constant as an argument, for which there is then a version of its
    own (hand on in an array what counts from 0); and an array assigned to a slice or to indices of
    another, for the text of its error.

    Where neither the source directory nor the user's cache directory can be written, Numba refuses
    to cache; the kernel is then compiled anew by each process instead of failing at import.
    """
    return _compiled(function)


def lean_kernel(function: Function) -> Function:
    """`kernel` for what only other kernels call, and what only reads and writes the arrays that it
    is handed, and returns numbers.

    Numba counts the references to an array with an atomic instruction, on the way into and out of
    every kernel, however small: in the inner loop of the dispatch that was two thirds of the time.
    Who neither makes nor returns an array needs no count. And who is not called from Python needs
    no code that unpacks Python's objects, which for a tuple of arrays is longer than the kernel.

    Raises TypeError when Python calls it after all.
    """
    compiled = _compiled(function, _nrt=False, no_cpython_wrapper=True)
    # Numba would jump to the address of the code that is missing.
    door = cast(Any, compiled)
    door._insert, door._compile_for_args = _nothing, _refuse
    return compiled


def _nothing(*_: object) -> None:
    """In place of what makes compiled code known to callers in Python."""


def _refuse(*_: object, **__: object) -> None:
    raise TypeError("a lean kernel is called by other kernels alone")


def _compiled(function: Function, **options: bool) -> Function:
    """Without the entry for callers in C, of whom there are none."""
    compile_ = cast(Callable[..., Callable[[Function], Function]], numba.njit)
    try:
        return compile_(cache=True, error_model="numpy", no_cfunc_wrapper=True, **options)(function)
    except RuntimeError:
        return compile_(error_model="numpy", no_cfunc_wrapper=True, **options)(function)


@cache
def _stamp(file: Path) -> str:
    """A digest of a file and of those that it imports from this room, directly or not."""
    texts: dict[Path, str] = {}
    left = [file]
    while left:
        found = left.pop()
        if found not in texts and found.is_file():
            texts[found] = found.read_text(encoding="utf-8")
            modules = IMPORT.findall(texts[found])
            left += [ROOM.joinpath(*module.split(".")).with_suffix(".py") for module in modules]
    return hashlib.sha256("".join(texts[found] for found in sorted(texts)).encode()).hexdigest()


class _Stamped:
    """A place where machine code is kept, until any of these files changes."""

    _py_file: str

    def get_source_stamp(self) -> str:
        return _stamp(Path(self._py_file))


class GivenDirectory(_Stamped, caching.UserProvidedCacheLocator):
    """That of NUMBA_CACHE_DIR, where it is set."""


class BesideSource(_Stamped, caching.InTreeCacheLocator):
    """`__pycache__`, where it can be written."""


class OfUser(_Stamped, caching.UserWideCacheLocator):
    """The user's cache directory."""


_places = (GivenDirectory, BesideSource, OfUser)
_names = ",".join(f"{__name__}.{place.__name__}" for place in _places)
setattr(numba.config, "CACHE_LOCATOR_CLASSES", _names)  # noqa: B010 (not in Numba's own types)
