"""Executors: ways to run a job's command on this host.

A newcomer adds a file with a class that fulfils `base.Executor`, and a row below; the conformance
suite in tests/conformance finds it here.
"""

from collections.abc import Callable

from workers.executors.base import Executor
from workers.executors.process import ProcessExecutor

REGISTRY: dict[str, Callable[..., Executor]] = {
    "process": ProcessExecutor,
}


def create_executors(*, adopting: bool) -> dict[str, Executor]:
    """One of each, by the name that app versions use.

    Args:
        adopting: whether orphaned processes become children of this one.
    """
    return {name: create(adopting=adopting) for name, create in REGISTRY.items()}
