"""Progress bars on stderr; rich is imported only where one is drawn."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Draw = Callable[[int, int], None]
"""Called with how many are done, of how many."""


@contextmanager
def bar(description: str, *, shown: bool) -> Iterator[Draw]:
    """A bar while the block runs; nothing where `shown` is false or stderr is no terminal."""
    if not shown or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    ) as progress:
        task = progress.add_task(description, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
