"""A page as a reader follows it: its marked blocks, in order, against a broker."""

import asyncio
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.docs.pages import ROOT, Block, blocks
from tests.support.command import environment, open_folder, up
from tests.support.running import Running

SECONDS_MAX = 240
# For pages that show the API without a token; a machine need not have the real one.
CURL = """
command -v curl > /dev/null || curl() {
    python -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[-1]).read().decode())' "$@"
}
"""


@dataclass(frozen=True)
class User:
    """Somebody with an empty home, and a broker of their own; `token` is the first admin's."""

    home: Path
    url: str
    token: str

    def follow(self, page: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Runs the page; fails with what it printed unless everything succeeded."""
        done = subprocess.run(
            ["bash", "-c", script(page)],
            cwd=self.home,
            env=environment(self.home, FAIRLEAD_URL=self.url, TOKEN=self.token, **variables),
            input=self.token + "\n",  # `fairlead login` asks for it
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            start_new_session=True,  # no terminal: the prompt reads from the pipe
        )
        assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done


@contextmanager
def newcomer() -> Iterator[User]:
    """A user whose broker stops with the block, and stops well."""
    with open_folder() as folder, up(folder, "--slots", "2") as running:
        assert running.admin_token is not None
        yield User(folder / "home", running.url, running.admin_token)
        assert running.interrupt() == 0


async def followed(page: Path, broker: Running, home: Path) -> str:
    """What the page prints to an admin of a running broker; fails unless everything succeeded."""
    assert broker.admin.token is not None
    more = {"FAIRLEAD_URL": broker.url, "FAIRLEAD_TOKEN": broker.admin.token}
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", script(page)),
        cwd=home,
        env=environment(home, **more),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = (stream.decode() for stream in await process.communicate())
    assert process.returncode == 0, f"{stdout[-3000:]}\n{stderr[-3000:]}"
    return stdout


def script(page: Path) -> str:
    """The page's marked blocks as one shell script; each says its line when it begins."""
    parts = ["set -euo pipefail", CURL]
    for block in blocks(page):
        if block.mark is None:
            continue
        parts.append(f'echo "== {page.relative_to(ROOT)}, line {block.line}" >&2')
        parts.append(_part(block))
    return "\n".join(parts)


def _part(block: Block) -> str:
    if block.mark == "run" and block.name is None:
        return "\n".join(_refused(line) for line in block.text.splitlines())
    end = f"END_{secrets.token_hex(4)}"
    written = f"cat > {block.name} <<'{end}'\n{block.text}{end}"
    return (
        f'{written}\nFAIRLEAD_TOKEN="$TOKEN" python {block.name}'
        if block.mark == "run"
        else written
    )


def _refused(line: str) -> str:
    """`! command` is told to fail; the shell itself would let it succeed in silence."""
    if not line.startswith("! "):
        return line
    return f'if {line[2:]}; then echo "was not refused: {line[2:]}" >&2; exit 1; fi'
