"""Jobs on several hosts, with real agents: ranks, peers, and one end for all."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.http import Http
from tests.support.real_agents import RealAgent, real_agent
from tests.support.running import Running
from tests.support.until import until

# Every rank sends its number to rank 0 over TCP; rank 0 writes their sum once all have come.
MEET = """
import os, socket, sys, time
rank, size = int(os.environ["FAIRLEAD_RANK"]), int(os.environ["FAIRLEAD_SIZE"])
peers = os.environ["FAIRLEAD_PEERS"].split(",")
assert len(peers) == size and peers[0] == os.environ["MASTER_ADDR"]
door = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
print("rank", rank, "of", size, flush=True)
if rank == 0:
    total = 0
    with socket.create_server(door) as server:
        for _ in range(size - 1):
            with server.accept()[0] as peer:
                total += int(peer.recv(16))
    open("sum.txt", "w").write(str(total))
else:
    while True:
        try:
            with socket.create_connection(door) as leader:
                leader.sendall(str(rank).encode())
            break
        except ConnectionRefusedError:
            time.sleep(0.02)
"""
# Rank 1 fails once the others run; they would run for ever.
ONE_FAILS = """
import os, sys, time
if os.environ["FAIRLEAD_RANK"] == "1":
    sys.exit("rank 1 gives up")
time.sleep(600)
"""
RESOURCES = {"hosts": 3}


@pytest.fixture
async def agents(broker: Running, tmp_path: Path) -> AsyncIterator[list[RealAgent]]:
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(real_agent(broker, tmp_path, f"node-{k}"))
            for k in range(3)
        ]


async def submitted(broker: Running, script: str, **spec: Any) -> str:
    """A gang of three for agents that wait; returns the job."""
    await broker.app("gang", {"command": ["{python}", "main.py"], "files": {"main.py": script},
                              **spec})  # fmt: skip
    body = {"app": "gang", "jobs": [{}], "resources": RESOURCES}
    receipt = (await broker.admin.post("/v1/batches", body)).expect(201)
    return str(receipt["first_job"])


async def ended(client: Http, job: str) -> Any:
    """The job, once it has ended."""
    found: dict[str, Any] = {}

    async def over() -> bool:
        found.update((await client.get(f"/v1/jobs/{job}")).expect(200))
        return found["finished_at"] is not None

    await until(over, 60)
    return found


async def test_three_hosts_meet_and_run_as_one(broker: Running, agents: list[RealAgent]) -> None:
    (await broker.admin.put("/v1/accounts/admin/privileges", ALL)).expect(200)
    job = await submitted(broker, MEET, outputs={"sum.txt": {}})
    found = await ended(broker.admin, job)
    assert found["state"] == "succeeded", found["attempts"]
    assert [(m["rank"], m["outcome"]) for m in found["members"]] == [
        (rank, "succeeded") for rank in range(3)
    ]
    assert (await broker.admin.get(f"/v1/jobs/{job}/outputs/sum.txt")).content == b"3"
    for rank in range(3):
        log = await broker.admin.get(f"/v1/jobs/{job}/logs/stdout?rank={rank}")
        assert log.content == f"rank {rank} of 3\n".encode()


async def test_one_member_that_fails_ends_the_attempt_on_all_hosts(
    broker: Running, agents: list[RealAgent]
) -> None:
    (await broker.admin.put("/v1/accounts/admin/privileges", ALL)).expect(200)
    job = await submitted(broker, ONE_FAILS)
    found = await ended(broker.admin, job)
    assert (found["state"], found["exit_code"]) == ("failed", 1)
    assert [m["outcome"] for m in found["members"]] == ["preempted", "failed", "preempted"]
    (attempt,) = found["attempts"]
    assert attempt["message"] == "rank 1: exit code 1: rank 1 gives up"


ALL = {"submit_all_apps": True, "admin_all_apps": True}


async def test_the_death_of_one_agent_stops_the_others_and_the_job_runs_again_whole(
    start_broker: Any, tmp_path: Path
) -> None:
    broker = await start_broker(lease_seconds=2)
    (await broker.admin.put("/v1/accounts/admin/privileges", ALL)).expect(200)
    async with AsyncExitStack() as stack:
        agents = [
            await stack.enter_async_context(real_agent(broker, tmp_path, f"node-{k}"))
            for k in range(3)
        ]
        # The first attempt would run for ever.
        script = "import os, time\nif os.environ['FAIRLEAD_EPOCH'] == '1': time.sleep(600)"
        job = await submitted(broker, script)
        found: dict[str, Any] = {}

        async def all_run() -> bool:
            found.update((await broker.admin.get(f"/v1/jobs/{job}")).expect(200))
            return len(found["members"]) == 3 and all(m["running"] for m in found["members"])

        await until(all_run, 60)
        await agents[1].kill()
        await stack.enter_async_context(real_agent(broker, tmp_path, "node-3"))
        done = await ended(broker.admin, job)
    assert done["state"] == "succeeded", done["attempts"]
    assert [attempt["outcome"] for attempt in done["attempts"]] == ["lost", "succeeded"]
    first = {m["host_name"]: m["outcome"] for m in done["members"] if m["epoch"] == 1}
    assert first == {"node-0": "preempted", "node-1": "lost", "node-2": "preempted"}
    again = {m["host_name"] for m in done["members"] if m["epoch"] == 2}
    assert again == {"node-0", "node-2", "node-3"}
    async with broker.services.database.connection() as connection:
        ledger = await connection.fetch("SELECT kind, epoch, rank FROM ledger ORDER BY kind, rank")
    assert [tuple(row) for row in ledger] == [
        ("debit", 2, 0), ("credit", 2, 0), ("credit", 2, 1), ("credit", 2, 2),
    ]  # fmt: skip
