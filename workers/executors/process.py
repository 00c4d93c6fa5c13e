"""The `process` executor: a subprocess in a session of its own.

For hosts that serve one lab: the command runs as the agent's user and sees the host's files.
The agent opens no pipe to it: output goes straight to files, the exit arrives on a pidfd, and
usage comes from the kernel's account (wait4) and the sampler. So a job costs one vfork.

Address-space limits (RLIMIT_AS) are not used: CUDA reserves far more than it touches. Memory is
sampled instead; a command can exceed its limit for one interval.
"""

import asyncio
import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import NamedTuple

import structlog

from workers import processes
from workers.executors.base import CannotRun, Cause, Ended, Task
from workers.usage import MIB, TreeSampler, Watch

GRACE_SECONDS = 10.0
SAMPLE_SECONDS = 0.2
_KILL_SECONDS_MAX = 10.0  # a process in uninterruptible sleep outlives even SIGKILL for a while

log = structlog.get_logger()


class ProcessExecutor:
    """See the module's text.

    Attributes:
        confines_data: never; a command has the agent's own rights.

    Args:
        grace_seconds: time between TERM and KILL.
        adopting: whether orphans become this process's children (`processes.adopt_orphans`).
    """

    confines_data = False

    def __init__(
        self,
        *,
        grace_seconds: float = GRACE_SECONDS,
        sample_seconds: float = SAMPLE_SECONDS,
        adopting: bool = False,
    ) -> None:
        self._grace_seconds = grace_seconds
        self._sampler = TreeSampler(sample_seconds)
        self._parents = frozenset({os.getpid()}) if adopting else None
        # Core dumps of large jobs fill disks, and may hold what a user may not see.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    async def start(self, task: Task) -> "ProcessExecution":
        """Start the command; see `base.Executor`."""
        # Before the process is there: it computes while the agent is still inside vfork's return.
        started = Started(datetime.now(UTC), time.monotonic())
        with contextlib.ExitStack() as files:
            try:
                stdout = files.enter_context(task.stdout.open("ab", buffering=0))
                stderr = files.enter_context(task.stderr.open("ab", buffering=0))
                process = subprocess.Popen(  # noqa: S603, ASYNC220 - no shell; vfork returns at exec
                    task.arguments,
                    env=task.environment,
                    cwd=task.directory,
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
                raise CannotRun(f"cannot start {task.arguments[0]!r}: {reason}") from error
        return ProcessExecution(
            process, task, started, self._sampler, self._grace_seconds, self._parents
        )


class Started(NamedTuple):
    """The moment a command was started, by both clocks."""

    at: datetime
    monotonic_seconds: float


class ProcessExecution:
    """A running command; see `base.Execution`."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        task: Task,
        started: Started,
        sampler: TreeSampler,
        grace_seconds: float,
        parents: frozenset[int] | None,
    ) -> None:
        self.started_at = started.at
        self._started = started
        self._process = process
        self._task = task
        self._sampler = sampler
        self._grace_seconds = grace_seconds
        self._parents = parents
        self._cause: Cause | None = None
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._dead = asyncio.ensure_future(_until_dead(process.pid))
        self._watch = Watch(process.pid, task.memory_mib * MIB, self._memory_exceeded)
        sampler.add(self._watch)

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self, *, grace_seconds: float | None = None) -> None:
        self._stop(Cause.STOPPED, grace_seconds)

    def _memory_exceeded(self) -> None:
        self._stop(Cause.MEMORY_LIMIT, 0)  # a grace would let it grow on

    def _stop(self, cause: Cause, grace_seconds: float | None) -> None:
        self._cause = self._cause or cause
        if grace_seconds is not None and not self._stopping.is_set():
            self._grace_seconds = grace_seconds
        self._stopping.set()
        if grace_seconds == 0:
            self._hurry.set()

    async def wait(self) -> Ended:
        try:
            await self._until_end()
            wall_seconds = time.monotonic() - self._started.monotonic_seconds
            await self._kill_tree()
            await self._dead
        except asyncio.CancelledError:
            await self._kill_tree()
            if self._dead.done():
                _reap(self._process)
            raise
        finally:
            self._sampler.remove(self._watch)
        cpu_seconds, peak_bytes = _reap(self._process)
        return Ended(
            cause=self._cause or Cause.EXITED,
            exit_code=self._process.returncode,
            wall_seconds=wall_seconds,
            cpu_seconds=max(cpu_seconds, self._watch.cpu_seconds),
            memory_peak_mib=max(peak_bytes, self._watch.memory_peak_bytes) / MIB,
        )

    async def _until_end(self) -> None:
        """Return when the command has ended, by itself or by TERM, or has outlived its grace."""
        if not await self._first(self._stopping, self._task.wall_seconds):
            if self._dead.done():
                return
            self._cause = Cause.WALL_LIMIT
        if not self._hurry.is_set():
            processes.send(signal.SIGTERM, self._look().rows)
            await self._first(self._hurry, self._grace_seconds)

    async def _first(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait for the exit, the event or the time; whether it was the event."""
        waiting = asyncio.create_task(event.wait())
        await asyncio.wait(
            {self._dead, waiting}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        waiting.cancel()
        return event.is_set() and not self._dead.done()

    async def _kill_tree(self) -> None:
        """Kill until nothing is left.

        A process may fork between the look and the signal, or hand over to a child and vanish
        during the look. So the end is believed after a look that can have missed nothing, or
        after two that found nothing.
        """
        give_up = time.monotonic() + _KILL_SECONDS_MAX
        quiet_looks = 0
        while quiet_looks < 2:
            rows, certain = self._look()
            processes.reap(row for row in rows if row.pid != self.pid)
            if any(not row.zombie for row in rows):
                processes.send(signal.SIGKILL, rows)
                quiet_looks = 0
            elif certain:
                break
            else:
                quiet_looks += 1
            if time.monotonic() > give_up:
                log.error("processes survive SIGKILL", pids=[row.pid for row in rows])
                return
            await asyncio.sleep(0.002)
        await asyncio.wait({self._dead}, timeout=1.0)

    def _look(self) -> processes.Sight:
        whole = self._task.mark + "\0"  # or the mark of attempt 1 would also find attempt 10
        return processes.sight(self.pid, whole, seen=self._watch.seen, parents=self._parents)


async def _until_dead(pid: int) -> None:
    """Wait until a child is dead, but leave it unburied: that keeps its pid from being reused."""
    if not hasattr(os, "pidfd_open"):
        await asyncio.to_thread(os.waitid, os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        return
    descriptor = os.pidfd_open(pid)
    loop = asyncio.get_running_loop()
    dead = asyncio.Event()
    loop.add_reader(descriptor, dead.set)
    try:
        await dead.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _reap(process: subprocess.Popen[bytes]) -> tuple[float, int]:
    """Bury a dead child; CPU seconds and peak memory in bytes of it and what it waited for."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    # A vforked child starts with the peak of the agent itself on its account.
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak = used.ru_maxrss * unit if used.ru_maxrss > own else 0
    return used.ru_utime + used.ru_stime, peak
