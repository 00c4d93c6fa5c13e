"""Servers that a killed run left behind: stop them, so that the data has one writer again.

They are stopped and not adopted. An adopted server is nobody's child: its end cannot be awaited,
and it keeps the settings and the binary of the run that started it. Stopping costs little, since
on Linux an orphan has had its stop signal from the kernel already.

A pid alone proves nothing, it may have been given to another program since. Ours is a process with
a server's name *and* its working directory inside the data directory (both servers change into
their data folders, and so do PostgreSQL's own children). Where there is no `/proc`, the command
line must name the program and the data directory.
"""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from broker.embedded.directory import DataDirectory
from broker.embedded.errors import EmbeddedError
from broker.embedded.privileges import output_as
from broker.embedded.processes import POLL_SECONDS

STOP_SECONDS_MAX = 60  # PostgreSQL writes a checkpoint first
LEADERLESS_SECONDS_MAX = 5
KILL_SECONDS_MAX = 10
SERVER_NAMES = ("postgres", "valkey-server", "redis-server")
PROC = Path("/proc")


async def stop_orphans(directory: DataDirectory) -> list[str]:
    """End every server that still works in `directory`; the caller must hold its lock.

    Returns notes for the user. Raises EmbeddedError if one outlives SIGKILL.
    """
    found = find_servers(directory.root)
    leaders = _leaders(directory, found)
    for pid, stop_signal in leaders.items():
        _signal(directory, pid, stop_signal)
    # Without a postmaster its children end by themselves, unless busy in a long statement.
    if not await _gone(directory, STOP_SECONDS_MAX if leaders else LEADERLESS_SECONDS_MAX):
        for pid in find_servers(directory.root):
            _signal(directory, pid, signal.SIGKILL)
        if not await _gone(directory, KILL_SECONDS_MAX):
            left = ", ".join(map(str, find_servers(directory.root)))
            raise EmbeddedError(f"servers of an earlier run in {directory.root} do not end: {left}")
    if sys.platform == "linux":
        # Nothing runs here, so the file is stale. PostgreSQL itself cannot tell: after a restart
        # in a container its old pid often belongs to another of our servers, and it would refuse.
        (directory.postgres / "postmaster.pid").unlink(missing_ok=True)
    (directory.valkey / "valkey.pid").unlink(missing_ok=True)
    names = sorted(set(found.values()))
    return [f"stopped {' and '.join(names)} of an earlier run that was killed"] if names else []


def find_servers(root: Path) -> dict[int, str]:
    """Pid and program name of each server process that works inside `root`."""
    if not PROC.joinpath("self", "cwd").exists():
        return _find_by_command_line(root)
    found = {}
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            name = (entry / "comm").read_text("utf-8", "replace").strip()
            if name not in SERVER_NAMES:
                continue
            works_in = Path(os.readlink(entry / "cwd"))
        except OSError:
            continue  # ended meanwhile, or of another user: not ours
        if works_in.is_relative_to(root):
            found[int(entry.name)] = name
    return found


def _find_by_command_line(root: Path) -> dict[int, str]:
    found = {}
    for line in (output_as(None, ["ps", "-axo", "pid=,command="]) or "").splitlines():
        pid, _, command = line.strip().partition(" ")
        program, _, arguments = command.strip().partition(" ")
        name = os.path.basename(program)
        if name in SERVER_NAMES and f"{root}{os.sep}" in arguments:
            found[int(pid)] = name
    return found


def _leaders(directory: DataDirectory, found: dict[int, str]) -> dict[int, signal.Signals]:
    """Whom to ask: PostgreSQL's children must not be signalled, only the postmaster.

    (To its checkpointer SIGINT means something else, and orphaned children end by themselves.)
    """
    leaders = {pid: signal.SIGTERM for pid, name in found.items() if name != "postgres"}
    try:
        first_line = (directory.postgres / "postmaster.pid").read_text("utf-8").splitlines()[0]
        postmaster = int(first_line)
    except (OSError, ValueError, IndexError):
        return leaders
    if found.get(postmaster) == "postgres":
        leaders[postmaster] = signal.SIGINT  # "fast": disconnect clients, checkpoint, end
    return leaders


def _signal(directory: DataDirectory, pid: int, stop_signal: signal.Signals) -> None:
    if pid in find_servers(directory.root):  # still, at the last moment
        try:
            os.kill(pid, stop_signal)
        except ProcessLookupError:
            return


async def _gone(directory: DataDirectory, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while find_servers(directory.root):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True
