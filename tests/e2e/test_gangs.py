"""Jobs on several hosts, with real agents: ranks, peers, and one end for all."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.gangs import lease_gang
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


async def submitted(broker: Running, agents: list[RealAgent], script: str, **spec: Any) -> str:
    """A gang of three that has its leases; returns the job."""
    await broker.app("gang", {"command": ["{python}", "main.py"], "files": {"main.py": script},
                              **spec})  # fmt: skip
    body = {"app": "gang", "jobs": [{}], "resources": RESOURCES}
    (await broker.admin.post("/v1/batches", body)).expect(201)
    return await lease_gang(broker, [agent.host for agent in agents])


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
    job = await submitted(broker, agents, MEET, outputs={"sum.txt": {}})
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
    job = await submitted(broker, agents, ONE_FAILS)
    found = await ended(broker.admin, job)
    assert (found["state"], found["exit_code"]) == ("failed", 1)
    assert [m["outcome"] for m in found["members"]] == ["preempted", "failed", "preempted"]
    (attempt,) = found["attempts"]
    assert attempt["message"] == "rank 1: exit code 1: rank 1 gives up"


ALL = {"submit_all_apps": True, "admin_all_apps": True}
