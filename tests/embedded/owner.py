"""A program that owns embedded servers until it is killed; run as a script by the tests.

    python owner.py DIRECTORY keep|orphan

`keep` behaves as `fairlead up` does. `orphan` starts servers that do not notice their parent's
death, as on systems without PR_SET_PDEATHSIG. Prints a line of JSON when the servers answer.
"""

import asyncio
import contextlib
import json
import os
import sys
from pathlib import Path

import asyncpg

from broker.embedded import EmbeddedServers, processes


def use_launcher_without_death_signal(directory: Path) -> None:
    source = processes.LAUNCHER.read_text()
    changed = source.replace("    die_with_parent()\n", "")
    assert changed != source
    launcher = directory.parent / "launch.py"
    launcher.write_text(changed)
    processes.LAUNCHER = launcher


async def own(directory: Path) -> None:
    async with EmbeddedServers(directory) as servers:
        connection = await asyncpg.connect(servers.database_url)
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (id int PRIMARY KEY)")
        await connection.execute("INSERT INTO kept VALUES (1) ON CONFLICT DO NOTHING")
        await connection.close()
        facts = {"pids": servers.process_ids, "uid": os.getuid(), "notes": servers.notes}
        print(json.dumps(facts), flush=True)
        await servers.wait_failed()


if __name__ == "__main__":
    where = Path(sys.argv[1])
    if sys.argv[2] == "orphan":
        use_launcher_without_death_signal(where)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(own(where))
