"""docs/data.md as a manager follows it: every marked block, in order, against a broker."""

import asyncio
import secrets
from pathlib import Path

from tests.docs.pages import ROOT, blocks
from tests.support.command import environment
from tests.support.running import Running

PAGE = list(blocks(ROOT / "docs" / "data.md"))


def script() -> str:
    """The page's marked blocks as one shell script; each says its line when it begins."""
    parts = ["set -euo pipefail"]
    for block in PAGE:
        if block.mark is None:
            continue
        parts.append(f'echo "== data.md, line {block.line}" >&2')
        if block.mark == "run":
            parts.append(block.text)
            continue
        end = f"END_{secrets.token_hex(4)}"
        parts.append(f"cat > {block.name} <<'{end}'\n{block.text}{end}")
    return "\n".join(parts)


async def test_the_page_about_data_can_be_followed(broker: Running, tmp_path: Path) -> None:
    assert broker.admin.token is not None
    more = {"FAIRLEAD_URL": broker.url, "FAIRLEAD_TOKEN": broker.admin.token}
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", script()),
        cwd=tmp_path,
        env=environment(tmp_path, **more),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = (stream.decode() for stream in await process.communicate())
    assert process.returncode == 0, f"{stdout[-3000:]}\n{stderr[-3000:]}"
    (lease,) = await (await broker.agent()).leases()
    places = {use["input"]: (use["root_path"], use["path"], use["uid"]) for use in lease["data"]}
    assert places == {
        None: ("/data/lab1", "results", 5001),
        "movie.mrc": ("/data/lab1", "day1/0001.mrc", 5001),
    }
    assert "pool_" in stdout
    assert "day1/0002.mrc" in stdout
