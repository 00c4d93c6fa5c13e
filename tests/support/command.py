"""The command `fairlead` as a person runs it: a process of its own, nothing of ours around it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.until import wait_until

BIN = Path(sys.executable).parent
START_SECONDS_MAX = 90.0  # compiles the scheduler where no earlier run has
STOP_SECONDS_MAX = 60.0


def environment(home: Path, **more: str) -> dict[str, str]:
    """Nothing of ours but the PATH, so that no setting of this machine helps or hinders."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return {"HOME": str(home), "PATH": path, "LANG": "C.UTF-8", **more}


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that goes away. Not pytest's `tmp_path`: as root, the servers' unprivileged account
    must be able to enter."""
    folder = Path(tempfile.mkdtemp(prefix="fairlead-tests-", dir="/tmp")).resolve()
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Up:
    """A running `fairlead up`."""

    process: "subprocess.Popen[bytes]"
    url: str
    admin_token: str | None
    log: Path

    def interrupt(self) -> int:
        """Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(STOP_SECONDS_MAX)

    def kill(self) -> None:
        """SIGKILL to this one process; what it started must notice for itself."""
        self.process.kill()
        self.process.wait()


@contextmanager
def up(folder: Path, *options: str) -> Iterator[Up]:
    """`fairlead up` over FOLDER/data on a free port; killed at the end where it still runs."""
    (folder / "home").mkdir(exist_ok=True)
    out, log = folder / "up.json", folder / "up.log"
    command = ["fairlead", "up", "--directory", str(folder / "data"), "--port", "0", "--json"]
    with out.open("wb") as stdout, log.open("ab") as stderr:
        process = subprocess.Popen(
            [*command, *options],
            cwd=folder,
            env=environment(folder / "home"),
            stdout=stdout,
            stderr=stderr,
        )
    try:
        news = _announcement(process, out, log)
        yield Up(process, news["url"], news["admin_token"], log)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _announcement(process: "subprocess.Popen[bytes]", out: Path, log: Path) -> dict[str, Any]:
    """What `fairlead up --json` prints once everything runs."""

    def announced() -> bool:
        assert process.poll() is None, f"it ended: {log.read_text()[-4000:]}"
        return out.read_text().endswith("\n")

    wait_until(announced, START_SECONDS_MAX)
    news: dict[str, Any] = json.loads(out.read_text())
    return news
