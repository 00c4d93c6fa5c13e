"""What running attempts use: one pass over the process table serves all of them.

Samples CPU and memory of every watched tree and tells a watch when its memory limit is exceeded.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from workers import processes

MIB = 2**20


@dataclass(slots=True)
class Watch:
    """One watched process tree."""

    root: int
    memory_bytes_max: int
    """0 for no limit."""
    exceeded: Callable[[], None]
    """Called when the limit is exceeded."""
    cpu_seconds: float = 0.0
    memory_peak_bytes: int = 0
    seen: dict[int, int] = field(default_factory=dict)
    """pid -> start time of every process that belonged at the last look."""

    def look(self, table: processes.Table) -> None:
        """Account for one sample."""
        rows = processes.members(table, self.root, seen=self.seen)
        processes.reap(row for row in rows if row.pid != self.root)
        self.seen = {row.pid: row.started for row in rows}
        self.cpu_seconds = max(self.cpu_seconds, sum(row.cpu_seconds for row in rows))
        memory = sum(row.memory_bytes for row in rows)
        if 0 < self.memory_bytes_max < memory:
            # Forked workers share pages, which the plain sum counts once for each of them.
            memory = processes.proportional_bytes(rows)
            if memory > self.memory_bytes_max:
                self.exceeded()
        self.memory_peak_bytes = max(self.memory_peak_bytes, memory)


class TreeSampler:
    """Looks at all watched trees every `seconds`; does nothing while none is watched."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._by_root: dict[int, Watch] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, watch: Watch) -> None:
        """Watch a tree from now on."""
        self._by_root[watch.root] = watch
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def remove(self, watch: Watch) -> None:
        """The tree has ended."""
        self._by_root.pop(watch.root, None)
        if not self._by_root and self._task:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        # The first look comes early, so that jobs of a fraction of a second are seen at all.
        delay = min(self._seconds, 0.05)
        while True:
            await asyncio.sleep(delay)
            table = await asyncio.to_thread(processes.table)
            for watch in list(self._by_root.values()):
                watch.look(table)
            delay = self._seconds
