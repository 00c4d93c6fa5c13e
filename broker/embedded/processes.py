"""One child server: spawn it, watch it, stop it, read the end of its log.

Children live in sessions of their own, so that the terminal's Ctrl-C reaches only Fairlead, which
then stops them in order. `subprocess.Popen` rather than asyncio's processes: nothing here is bound
to an event loop, so servers may be started under one loop and stopped under another.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from broker.embedded.errors import EmbeddedError
from broker.embedded.privileges import ServerUser

LAUNCHER = Path(__file__).with_name("launch.py")
POLL_SECONDS = 0.01
LOG_BYTES_MAX = 10 * 2**20  # of the current log; one older log of the same size is kept
LOG_TAIL_LINES = 20
LOG_TAIL_BYTES = 16 * 2**10
# A signal and how long to wait for its effect, in the order of trying.
StopSteps = Sequence[tuple[signal.Signals, float]]


@dataclass(frozen=True)
class ServerFailure:
    """A server that ended without being asked to."""

    name: str
    pid: int
    status: int  # exit status, or minus the signal's number
    log: Path
    log_tail: str

    @property
    def message(self) -> str:
        """One line: who, how, and the log's most telling line."""
        how = f"exit status {self.status}"
        if self.status < 0:
            how = f"killed by {signal.Signals(-self.status).name}"
        said = telling_line(self.log_tail)
        return f"{self.name} (pid {self.pid}) ended: {how}; see {self.log}" + (said and f": {said}")


def launched(death_signal: signal.Signals, user: ServerUser | None = None) -> list[str | Path]:
    """What to put before a command (an absolute path) that must not outlive this thread."""
    uid, gid = (-1, -1) if user is None else (user.uid, user.gid)
    numbers = map(str, (os.getpid(), int(death_signal), uid, gid))
    return [sys.executable, "-I", "-S", LAUNCHER, *numbers]


class ServerProcess:
    """A child of ours from `spawn` until its exit has been seen."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        folder: Path,
        log: Path,
        user: ServerUser | None,
        stop_steps: StopSteps,
    ) -> None:
        """Run `command` in `folder` as `user`, its output appended to `log`.

        It gets the first stop signal when the thread that calls this ends (on Linux). That is the
        thread of the event loop, so a loop in a short-lived thread takes its servers with it.
        """
        self.name = name
        self.log = log
        self._stop_steps = stop_steps
        bound_log(log)
        launcher = launched(stop_steps[0][0], user)
        # O_APPEND, so that `bound_log` can empty the file under a running server.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        with open(os.open(log, flags, 0o600), "ab") as output:
            self._log_start_bytes = os.fstat(output.fileno()).st_size
            self._child = subprocess.Popen(  # noqa: S603 - our own binaries, found by this room
                [str(part) for part in (*launcher, *command)],
                cwd=folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                umask=0o077,
            )

    @property
    def pid(self) -> int:
        return self._child.pid

    def exit_status(self) -> int | None:
        """None while it runs."""
        return self._child.poll()

    def failure(self) -> ServerFailure | None:
        """What to report, once it has ended."""
        status = self.exit_status()
        if status is None:
            return None
        return ServerFailure(self.name, self.pid, status, self.log, self.log_tail())

    def log_tail(self) -> str:
        """The last lines printed since this process was started."""
        with self.log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = self._log_start_bytes if self._log_start_bytes <= size else 0  # emptied since
            file.seek(max(start, size - LOG_TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
        return "\n".join(text.splitlines()[-LOG_TAIL_LINES:])

    async def wait(self, seconds: float) -> int | None:
        """The exit status, or None if it still runs after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            status = self.exit_status()
            if status is not None or time.monotonic() > deadline:
                return status
            await asyncio.sleep(POLL_SECONDS)

    async def stop(self) -> None:
        """Ask it to end, ever less politely. Raises EmbeddedError if it outlives SIGKILL."""
        for stop_signal, seconds in self._stop_steps:
            if self.exit_status() is not None:
                return
            self._child.send_signal(stop_signal)
            if await self.wait(seconds) is not None:
                return
        raise EmbeddedError(f"{self.name} (pid {self.pid}) does not end, not even when killed")


def bound_log(log: Path) -> None:
    """Move a log that grew too long to `<name>.1`; a server may keep writing meanwhile."""
    if not log.exists() or log.stat().st_size <= LOG_BYTES_MAX:
        return
    older = log.with_name(log.name + ".1")
    older.unlink(missing_ok=True)
    # O_EXCL: root must not be led through a link to overwrite somebody else's file.
    descriptor = os.open(older, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with log.open("rb") as source, open(descriptor, "wb") as target:
        shutil.copyfileobj(source, target)
    os.truncate(log, 0)


def telling_line(log_tail: str) -> str:
    """The last line that names a failure, else the last line, of a log's end."""
    lines = [line.strip() for line in log_tail.splitlines() if line.strip()]
    grave = [line for line in lines if "FATAL" in line or "PANIC" in line or "rror" in line]
    return (grave or lines or [""])[-1]


def _environment() -> dict[str, str]:
    """Only what a server needs: no PG* settings of the user, none of Fairlead's secrets."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}
