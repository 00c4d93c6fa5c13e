"""The README as a new user follows it: every marked block, in order, against `fairlead up`."""

import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks
from tests.support.command import environment, open_folder, up

README = list(blocks(ROOT / "README.md"))


@dataclass(frozen=True)
class User:
    """Somebody with an empty home, and a broker of their own."""

    home: Path
    url: str
    token: str

    @property
    def environment(self) -> dict[str, str]:
        return environment(self.home, FAIRLEAD_URL=self.url)


@pytest.fixture(scope="module")
def user() -> Iterator[User]:
    with open_folder() as folder, up(folder, "--slots", "2") as running:
        assert running.admin_token is not None
        yield User(folder / "home", running.url, running.admin_token)
        assert running.interrupt() == 0


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
