"""Outlives an agent that is killed, just long enough to kill its jobs.

    python -m workers.guardian STATE_DIRECTORY

A child of the agent that reads a pipe nobody writes to: the end of the pipe is the end of the
agent, however it died. It shares the lock on the state directory, so that a new agent starts only
when the old one's jobs are dead.
"""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from workers.recovery import kill_leftovers
from workers.state_directory import StateDirectory

_END_SECONDS = 15.0


class Guardian:
    """The agent's side: `start` once, `end` when no job runs any more."""

    def __init__(self, state: StateDirectory, lock: int) -> None:
        self._state = state
        self._lock = lock
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the guardian."""
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "workers.guardian", str(self._state.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=(self._lock,),
            start_new_session=True,  # Ctrl-C on the terminal is for the agent
        )

    async def end(self) -> None:
        """Let it go; it holds the lock until it has."""
        if self._process and self._process.stdin:
            self._process.stdin.close()
            try:
                await asyncio.to_thread(self._process.wait, _END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()


def main() -> None:
    """Wait for the agent's end, then kill what it left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a service manager signals the whole group
    while os.read(0, 4096):
        pass
    kill_leftovers(StateDirectory(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
