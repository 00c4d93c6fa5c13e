"""Progress bars on stderr; rich is imported only where one is drawn."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Draw(Protocol):
    """Moves a bar."""

    def __call__(self, done: int, total: int, remark: str = "") -> None:
        """Show that `done` of `total` are done, and a remark behind the bar."""


def _nothing(done: int, total: int, remark: str = "") -> None:
    pass


@contextmanager
def bar(description: str, *, shown: bool) -> Iterator[Draw]:
    """A bar while the block runs; nothing where `shown` is false or stderr is no terminal."""
    if not shown or not sys.stderr.isatty():
        yield _nothing
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[remark]}"),
        console=Console(stderr=True),
    ) as progress:
        task = progress.add_task(description, total=None, remark="")

        def draw(done: int, total: int, remark: str = "") -> None:
            progress.update(task, completed=done, total=total, remark=remark)

        yield draw
