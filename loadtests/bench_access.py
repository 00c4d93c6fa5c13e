"""What rights cost: checks, lists, all that a broker knows, a new list for a great folder.

    python -m loadtests.bench_access [--users 10000] [--teams 1000] [--apps 1000]
        [--projects 5000] [--json]

The world: each user in 12 teams, 20 folders a project of which two have access lists of their own.
It is filled by SQL. A broker as a process of its own is the first replica; this process is a second
one, which learns of changes as brokers do. Checks and lists are timed here, in memory; a great
folder is given a list of its own, and back, over HTTP; a revocation is timed from sending it to the
one replica until the other denies.
"""

import argparse
import asyncio
import gc
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import uvloop

from broker.daemons.rights import RightsListener
from broker.domain.access import KINDS, Action, World, decide
from broker.protocol.ids import AccountId, NodeId
from broker.protocol.nodes import Kind
from broker.services.requests.access import Access
from broker.storage.database import Database
from loadtests.figures import percentile, spread_ms
from loadtests.stand import Stand, emit, stand

SEED = 20
TEAMS_PER_USER = 12
FOLDERS_PER_PROJECT = 20  # four, and four in each of them
CHECKS = 200_000
CHECKS_PER_SAMPLE = 100
LISTS = 300
REVOCATIONS = 30
RESTAMPS = 3
PROJECTS_PER_TRANSACTION = 500  # each holds a lock of its tree
ASKED = (Action.PROJECT_VIEW, Action.FOLDER_EDIT, Action.FILE_DOWNLOAD, Action.SHARE)
LISTED = {kind: KINDS[Action.NODE_VIEW][kind] for kind in (Kind.PROJECT, Kind.WORKSPACE)} | {
    kind: KINDS[Action.NODE_VIEW][kind] for kind in (Kind.FOLDER, Kind.APP)
}

USERS = """
    INSERT INTO account (name) SELECT 'user-' || n FROM generate_series(1, $1::int) AS n
"""
TEAMS = "INSERT INTO team (name) SELECT 'team-' || n FROM generate_series(1, $1::int) AS n"
MEMBERS = """
    INSERT INTO team_member
    SELECT DISTINCT team.id, account.id
    FROM generate_series(1, $1::int) AS n CROSS JOIN generate_series(0, $3::int - 1) AS k
    JOIN account ON account.name = 'user-' || n
    JOIN team ON team.name = 'team-' || 1 + (n * 7 + k * 83) % $2::int
"""
APPS = """
    WITH made AS (
        INSERT INTO node (kind, parent_id, name, created_by)
        SELECT 'app', 1, 'app-' || n, 1 FROM generate_series(1, $1::int) AS n
        RETURNING id, right(name, -4)::int AS n
    ), shown AS (
        INSERT INTO acl SELECT id, -2, 'reader'::acl_role FROM made
        UNION ALL
        SELECT made.id, team.id, 'submitter' FROM made JOIN team
            ON team.name = 'team-' || 1 + made.n % $2::int
    )
    INSERT INTO app (id) SELECT id FROM made
"""
PROJECTS = """
    WITH made AS (
        INSERT INTO node (kind, parent_id, name, created_by)
        SELECT 'project', 1, 'project-' || n, account.id
        FROM generate_series($1::int, $2::int) AS n
        JOIN account ON account.name = 'user-' || 1 + n % $3::int
        RETURNING id, created_by, right(name, -8)::int AS n
    ), special AS (
        INSERT INTO project (id) SELECT id FROM made
    )
    INSERT INTO acl
    SELECT id, created_by, 'owner'::acl_role FROM made
    UNION ALL
    SELECT made.id, team.id, 'editor' FROM made JOIN team
        ON team.name = 'team-' || 1 + made.n % $4::int
    UNION ALL
    SELECT id, -1, 'reader' FROM made WHERE n % 50 = 0
"""
OUTER = """
    INSERT INTO node (kind, parent_id, name, created_by)
    SELECT 'folder', project.id, 'outer-' || k, project.created_by
    FROM node AS project CROSS JOIN generate_series(1, 4) AS k
    WHERE project.kind = 'project' AND right(project.name, -8)::int BETWEEN $1::int AND $2::int
"""
INNER = """
    INSERT INTO node (kind, parent_id, name, created_by)
    SELECT 'folder', outer_folder.id, 'inner-' || k, outer_folder.created_by
    FROM node AS outer_folder JOIN node AS project ON project.id = outer_folder.parent_id
    CROSS JOIN generate_series(1, 4) AS k
    WHERE project.kind = 'project' AND right(project.name, -8)::int BETWEEN $1::int AND $2::int
"""
PRIVATE = """
    WITH chosen AS (
        UPDATE node SET benefactor_id = node.id
        FROM node AS above
        WHERE above.id = node.parent_id AND node.kind = 'folder' AND node.name = 'inner-1'
          AND above.name IN ('outer-1', 'outer-2')
        RETURNING node.id, node.created_by
    )
    INSERT INTO acl
    SELECT id, created_by, 'owner'::acl_role FROM chosen
    UNION ALL
    SELECT chosen.id, team.id, 'reader' FROM chosen JOIN team
        ON team.name = 'team-' || 1 + chosen.id % $1::int
"""
GREAT = """
    INSERT INTO node (kind, parent_id, name, created_by)
    SELECT 'folder', $1::int, 'great-' || n, 1 FROM generate_series(1, $2::int) AS n
"""


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    users: int
    teams: int
    apps: int
    projects: int

    @property
    def folders(self) -> int:
        return self.projects * FOLDERS_PER_PROJECT


async def fill(url: str, size: Size) -> None:
    """Makes the world in the database."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(USERS, size.users)
        await connection.execute(TEAMS, size.teams)
        await connection.execute(MEMBERS, size.users, size.teams, TEAMS_PER_USER)
        await connection.execute(APPS, size.apps, size.teams)
        for first in range(1, size.projects + 1, PROJECTS_PER_TRANSACTION):
            last = min(size.projects, first + PROJECTS_PER_TRANSACTION - 1)
            await connection.execute(PROJECTS, first, last, size.users, size.teams)
            await connection.execute(OUTER, first, last)
            await connection.execute(INNER, first, last)
        await connection.execute(PRIVATE, size.teams)
        await connection.execute("DELETE FROM access_change")  # everybody reads anew
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


# -- in memory --------------------------------------------------------------------------------


def checks(world: World, accounts: list[AccountId]) -> dict[str, float]:
    """Times decisions about random nodes for random users, in microseconds each."""
    chance = random.Random(SEED)
    nodes = [id_ for id_, node in world.nodes.items() if node.kind in (Kind.PROJECT, Kind.FOLDER)]
    samples = []
    for _ in range(CHECKS // CHECKS_PER_SAMPLE):
        asked = [
            (chance.choice(accounts), chance.choice(ASKED), chance.choice(nodes))
            for _ in range(CHECKS_PER_SAMPLE)
        ]
        started = time.perf_counter()
        for account, action, node in asked:
            decide(world.principal(account), action, world.node(node))
        samples.append((time.perf_counter() - started) / CHECKS_PER_SAMPLE * 1e6)
    return {"check_p50_us": percentile(samples, 50), "check_p99_us": percentile(samples, 99)}


def lists(world: World, accounts: list[AccountId]) -> dict[str, float]:
    """Times listing everything that one user may see."""
    chance = random.Random(SEED)
    seconds, seen = [], []
    for account in chance.choices(accounts, k=LISTS):
        who = world.principal(account)
        started = time.perf_counter()
        found = [
            node
            for kind, action in LISTED.items()
            for node in world.inheriting(world.visible(who, action).benefactors, frozenset({kind}))
        ]
        seconds.append(time.perf_counter() - started)
        seen.append(len(found))
    return {**spread_ms("visible", seconds), "visible_nodes": percentile(seen, 50)}


def resident_mib() -> float:
    """This process's resident memory."""
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


async def load(database: Database) -> tuple[Access, dict[str, float]]:
    """Reads the whole world as a starting broker does."""
    access = Access(database)
    async with database.connection() as connection:  # connected and warm
        await connection.fetchval("SELECT 1")
    gc.collect()
    before, started = resident_mib(), time.perf_counter()
    await access.catch_up()
    seconds = time.perf_counter() - started
    gc.collect()
    return access, {"load_seconds": seconds, "load_memory_mib": resident_mib() - before}


# -- over HTTP --------------------------------------------------------------------------------


@asynccontextmanager
async def learning(database: Database, access: Access) -> AsyncIterator[None]:
    """This process hears of changes of rights, as a broker does."""
    heard = asyncio.Event()

    async def catch_up() -> None:
        while True:
            await heard.wait()
            heard.clear()
            await access.catch_up()

    tasks = [
        asyncio.create_task(RightsListener(database, heard.set).run()),
        asyncio.create_task(catch_up()),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def restamps(stand: Stand, folders: int) -> dict[str, float]:
    """Gives a folder with everything in it a list of its own, and takes it away again."""
    top = (await stand.call("POST", "/v1/projects", {"name": "great"}))["id"]
    outer = await stand.call("POST", "/v1/folders", {"parent": top, "name": "all"})
    connection = await asyncpg.connect(stand.database_url)
    try:
        await connection.execute(GREAT, int(outer["id"].rpartition("_")[2]), folders - 1)
        await connection.execute("VACUUM ANALYZE node")
    finally:
        await connection.close()
    seconds = []
    for _ in range(RESTAMPS):
        for verb in ("override", "restore"):
            body: dict[str, str] | None = {} if verb == "override" else None
            started = time.perf_counter()
            await stand.call("POST", f"/v1/nodes/{outer['id']}:{verb}", body)
            seconds.append(time.perf_counter() - started)
    return {"restamp_seconds": percentile(seconds, 50), "restamp_max_seconds": max(seconds)}


async def revocations(stand: Stand, access: Access, user: AccountId) -> dict[str, float]:
    """From sending a revocation until the second replica denies for the first time.

    The clock starts before the call: the change is told while it is committed, so most of it is
    over by the time of the answer.
    """
    made = await stand.call("POST", "/v1/projects", {"name": "shared"})
    node, entry = NodeId(int(made["id"].rpartition("_")[2])), f"/v1/nodes/shared/acl/account_{user}"

    def allowed() -> bool:
        world = access.world
        return decide(world.principal(user), Action.PROJECT_VIEW, world.node(node)).allowed

    async def until(wanted: bool) -> float:
        while allowed() is not wanted:  # noqa: ASYNC110 - as a request would ask
            await asyncio.sleep(0.001)
        return time.perf_counter()

    seconds = []
    for _ in range(REVOCATIONS):
        await stand.call("PUT", entry, {"roles": ["reader"]})
        await until(True)
        sent = time.perf_counter()
        refused, _ = await asyncio.gather(until(False), stand.call("DELETE", entry))
        seconds.append(refused - sent)
    return spread_ms("revocation_from_sending", seconds)


async def run(size: Size) -> dict[str, float | int]:
    """One whole measurement."""
    async with stand() as s:
        started = time.perf_counter()
        await fill(s.database_url, size)
        filled = time.perf_counter() - started
        database = await Database.connect(s.database_url, connections_max=4)
        try:
            access, loaded = await load(database)
            world = access.world
            accounts = [id_ for id_, facts in world.accounts.items() if not facts.global_roles]
            figures: dict[str, float | int] = {
                "users": len(accounts),
                "memberships": sum(map(len, world.teams.values())),
                "projects": size.projects,
                "folders": size.folders,
                "fill_seconds": filled,
                **loaded,
                **checks(world, accounts),
                **lists(world, accounts),
            }
            async with learning(database, access):
                figures |= await revocations(s, access, accounts[0])
            return figures | await restamps(s, size.folders)
        finally:
            await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--teams", type=int, default=1_000)
    parser.add_argument("--apps", type=int, default=1_000)
    parser.add_argument("--projects", type=int, default=5_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    size = Size(options.users, options.teams, options.apps, options.projects)
    emit(uvloop.run(run(size)), options.json)


if __name__ == "__main__":
    main()
