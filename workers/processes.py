"""The system's process table, and which of its processes belong to an attempt.

A process belongs to an attempt when it is its root, is in the root's session, descends from one
that belongs, was seen to belong before, or carries the attempt's mark in its environment (so
daemons that left tree and session are found as well). A process that does all of these at once
(leaves the session, clears its environment, and outruns the sampler) escapes: only an executor
with a PID namespace can hold such code.

Reads /proc on Linux, in one pass; psutil elsewhere.
"""

import ctypes
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import psutil

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_HAS_ROLLUP = (_PROC / "self" / "smaps_rollup").exists()
_PR_SET_CHILD_SUBREAPER = 36
_KERNEL = {0, 2}  # parents of init and of the kernel's own threads


class Process(NamedTuple):
    """One row of the process table."""

    pid: int
    parent: int
    session: int
    started: int
    """Start time in a unit of the system; with the pid it names the process for good."""
    cpu_seconds: float
    """CPU time of the process and of its children that were waited for."""
    memory_bytes: int
    """Resident memory."""
    zombie: bool


Table = Mapping[int, Process]


def table() -> Table:
    """All processes of the system."""
    return _linux_table() if sys.platform == "linux" else _portable_table()


def _linux_table() -> Table:
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (row := _linux_process(name)):
            found[row.pid] = row
    return found


def _linux_process(pid: str) -> Process | None:
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None  # gone between listing and reading
    try:
        text = os.read(descriptor, 1024)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    if b")" not in text:
        return None
    # The name stands in parentheses and may contain anything: count fields behind the last one.
    fields = text[text.rindex(b")") + 2 :].split()
    return Process(
        pid=int(pid),
        parent=int(fields[1]),
        session=int(fields[3]),
        started=int(fields[19]),
        cpu_seconds=sum(map(int, fields[11:15])) / _TICKS,
        memory_bytes=int(fields[21]) * _PAGE_BYTES,
        zombie=fields[0] in (b"Z", b"X"),
    )


def _portable_table() -> Table:
    found = {}
    for process in psutil.process_iter(["pid", "ppid", "create_time", "status"]):
        info = process.info
        try:
            session = os.getsid(info["pid"])
            with process.oneshot():
                times, memory = process.cpu_times(), process.memory_info()
        except (OSError, psutil.Error):
            session, times, memory = -1, None, None
        found[info["pid"]] = Process(
            pid=info["pid"],
            parent=info["ppid"] or 0,
            session=session,
            started=int((info["create_time"] or 0) * 1000),
            cpu_seconds=(times.user + times.system) if times else 0.0,
            memory_bytes=memory.rss if memory else 0,
            zombie=info["status"] == psutil.STATUS_ZOMBIE,
        )
    return found


def members(
    processes: Table, root: int, *, seen: Mapping[int, int] | None = None, extra: Iterable[int] = ()
) -> list[Process]:
    """The processes of one attempt, zombies included.

    Args:
        processes: the process table.
        root: pid of the command, which leads a session of its own.
        seen: pid -> start time of processes that belonged before.
        extra: pids that carry the attempt's mark.
    """
    seen = seen or {}
    children: dict[int, list[int]] = {}
    stack = [pid for pid in extra if pid in processes]
    for row in processes.values():
        children.setdefault(row.parent, []).append(row.pid)
        if row.pid == root or row.session == root or seen.get(row.pid) == row.started:
            stack.append(row.pid)
    found: dict[int, Process] = {}
    while stack:
        pid = stack.pop()
        if pid not in found:
            found[pid] = processes[pid]
            stack.extend(children.get(pid, ()))
    return list(found.values())


def marked(
    processes: Table, mark: str, *, parents: frozenset[int] | None = None
) -> tuple[list[int], bool]:
    """Pids whose environment has a variable that starts with `mark`: "NAME=value", with NUL behind
    it for exactly this value.

    Args:
        parents: look only at children of these processes; null looks everywhere.

    Returns:
        The pids, and whether any process might be one although its environment was empty: in the
        middle of exec a process has none.
    """
    needle = mark.encode()
    found, unclear = [], False
    for row in processes.values():
        if row.zombie or row.parent in _KERNEL or (parents and row.parent not in parents):
            continue
        text = _environment(row.pid)
        if text.startswith(needle) or b"\0" + needle in text:
            found.append(row.pid)
        unclear = unclear or not text
    return found, unclear


def _environment(pid: int) -> bytes:
    if sys.platform == "linux":
        try:
            return (_PROC / str(pid) / "environ").read_bytes()
        except OSError:
            return b"?"  # gone, or somebody else's
    try:
        return b"".join(f"{k}={v}\0".encode() for k, v in psutil.Process(pid).environ().items())
    except (OSError, psutil.Error):
        return b"?"


class Sight(NamedTuple):
    """One look at an attempt."""

    rows: list[Process]
    """The processes found, zombies included."""
    certain: bool
    """Whether none can have been missed: nothing was forked meanwhile, nothing was in exec."""


def sight(
    root: int,
    mark: str,
    *,
    seen: Mapping[int, int] | None = None,
    parents: frozenset[int] | None = None,
) -> Sight:
    """Look for all processes of an attempt; arguments as in `members` and `marked`."""
    before = _last_pid()
    processes = table()
    found, unclear = marked(processes, mark, parents=parents)
    rows = members(processes, root, seen=seen, extra=found)
    return Sight(rows, certain=not unclear and before is not None and before == _last_pid())


def _last_pid() -> bytes | None:
    """The newest pid that the system has given out; None where it does not tell."""
    try:
        return (_PROC / "loadavg").read_bytes().split()[-1]
    except OSError:
        return None


def started(pid: int) -> str | None:
    """What tells this process from a later one with its pid, also across reboots; None if gone."""
    if sys.platform == "linux":
        row = _linux_process(str(pid))
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}:{row.started}" if row else None
    try:
        return str(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def proportional_bytes(rows: Iterable[Process]) -> int:
    """Memory with shared pages divided among their users; resident memory where unknown.

    A process that is gone by now counts nothing: its share has fallen to the others.
    """
    total = 0
    for row in rows:
        try:
            text = (_PROC / str(row.pid) / "smaps_rollup").read_text()
            total += 1024 * int(text.split("\nPss:", 1)[1].split(None, 1)[0])
        except PermissionError:
            total += row.memory_bytes
        except (OSError, IndexError, ValueError):
            total += 0 if _HAS_ROLLUP else row.memory_bytes
    return total


def send(signal_number: int, rows: Iterable[Process]) -> int:
    """Signal processes; how many were alive."""
    count = 0
    for row in rows:
        if row.zombie or row.pid in (0, 1, os.getpid()):
            continue
        try:
            os.kill(row.pid, signal_number)
        except (ProcessLookupError, PermissionError):
            continue
        count += 1
    return count


def reap(rows: Iterable[Process]) -> None:
    """Bury dead processes that became our children because we adopt orphans."""
    me = os.getpid()
    for row in rows:
        if row.zombie and row.parent == me:
            try:
                os.waitpid(row.pid, os.WNOHANG)
            except ChildProcessError:
                continue


def adopt_orphans() -> bool:
    """Make orphans of our jobs our children instead of init's (Linux); whether it worked."""
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    return bool(library.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
