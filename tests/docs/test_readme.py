"""The README as a new user follows it: every marked block, in order, against `fairlead up`."""

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import ROOT, blocks

BIN = Path(sys.executable).parent
README = list(blocks(ROOT / "README.md"))
START_SECONDS_MAX = 90.0  # compiles the scheduler where no earlier run has


@dataclass(frozen=True)
class User:
    """Somebody with an empty home, and a broker of their own."""

    home: Path
    url: str
    token: str

    @property
    def environment(self) -> dict[str, str]:
        return environment(self.home) | {"FAIRLEAD_URL": self.url}


def environment(home: Path) -> dict[str, str]:
    """Nothing of ours but the PATH, so that no setting of this machine helps or hinders."""
    return {"HOME": str(home), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "LANG": "C.UTF-8"}


@pytest.fixture(scope="module")
def user() -> Iterator[User]:
    # Not pytest's tmp_path: as root, the servers' unprivileged account must be able to enter.
    folder = Path(tempfile.mkdtemp(prefix="fairlead-readme-", dir="/tmp"))
    folder.chmod(0o755)
    home = folder / "home"
    home.mkdir()
    log = folder / "up.log"
    command = ["fairlead", "up", "--directory", str(folder / "data"), "--port", "0", "--json"]
    with (folder / "up.json").open("wb") as out, log.open("wb") as err:
        up = subprocess.Popen(
            [*command, "--slots", "2"], cwd=folder, env=environment(home), stdout=out, stderr=err
        )
    try:
        news = announcement(up, folder / "up.json", log)
        yield User(home, news["url"], news["admin_token"])
    finally:
        up.send_signal(signal.SIGINT)  # Ctrl-C
        try:
            code = up.wait(60)
        finally:
            up.kill()
            shutil.rmtree(folder, ignore_errors=True)
    assert code == 0


def announcement(up: "subprocess.Popen[bytes]", out: Path, log: Path) -> dict[str, Any]:
    """What `fairlead up --json` prints once everything runs."""
    give_up = time.monotonic() + START_SECONDS_MAX
    # The broker's log may share the stream.
    while not (lines := re.findall(r"^\{.*\}$", out.read_text(), re.MULTILINE)):
        assert up.poll() is None, f"it ended: {log.read_text()[-4000:]}"
        assert time.monotonic() < give_up, log.read_text()[-4000:]
        time.sleep(0.05)
    news: dict[str, Any] = json.loads(lines[0])
    return news


def script() -> str:
    """The README's marked blocks as one shell script; each says its line when it begins."""
    parts = ["set -euo pipefail"]
    for block in README:
        if block.mark is None:
            continue
        parts.append(f'echo "== README.md, line {block.line}" >&2')
        if block.mark == "run" and block.name is None:
            parts.append(block.text)
            continue
        end = f"END_{secrets.token_hex(4)}"
        parts.append(f"cat > {block.name} <<'{end}'\n{block.text}{end}")
        if block.mark == "run":
            parts.append(f'FAIRLEAD_TOKEN="$TOKEN" python {block.name}')
    return "\n".join(parts)


@pytest.mark.slow
@pytest.mark.timeout(360)
def test_readme_can_be_followed_from_top_to_bottom(user: User) -> None:
    done = subprocess.run(
        ["bash", "-c", script()],
        cwd=user.home,
        env=user.environment | {"TOKEN": user.token},
        input=user.token + "\n",  # `fairlead login` asks for it
        capture_output=True,
        text=True,
        timeout=200,
        start_new_session=True,  # no terminal: the prompt reads from the pipe
    )
    told = f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert done.returncode == 0, told
    assert done.stdout.count('{"pi": 3.1') == 8, told
    assert "seed 1 says 3.1" in done.stdout, told
    assert "8 jobs wrote files" in done.stdout, told


def test_readme_shows_an_app_a_session_and_both_faces_of_the_sdk() -> None:
    marked = [(block.mark, block.language) for block in README if block.mark]
    assert marked.count(("file", "toml")) == 1
    assert marked.count(("run", "sh")) >= 5
    assert marked.count(("run", "python")) == 2
