"""Agents that really run commands, in the test's own process, against a running broker."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from broker.protocol.ids import HostId, parse
from broker.protocol.resources import Gpu, HostFacts
from tests.support.http import Http
from tests.support.running import Running
from workers.agent import Agent, Host
from workers.broker_api import BrokerApi
from workers.executors.process import ProcessExecutor
from workers.gpus import FakeGpus
from workers.settings import WorkerSettings
from workers.state_directory import StateDirectory


@dataclass
class RealAgent:
    """A host with its agent. `kill` ends the agent with its commands, as a power cut would."""

    host: str
    state: StateDirectory
    task: "asyncio.Task[None]"

    async def kill(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@contextlib.asynccontextmanager
async def real_agent(
    broker: Running,
    folder: Path,
    name: str,
    *,
    slots: int = 1,
    gpus: Sequence[Gpu] = (),
    **options: object,
) -> AsyncIterator[RealAgent]:
    """A host that joins and works until the block ends.

    Args:
        options: settings of the agent.
    """
    enrollment = (await broker.admin.post("/v1/enrollments", {})).expect(201)
    facts = HostFacts(
        name=name,
        address="127.0.0.1",
        cpus=max(slots, len(gpus)),
        memory_mib=4_096,
        slots=slots,
        gpus=list(gpus),
    )
    door = Http(broker.url, broker.session, enrollment["token"])
    joined = (await door.post("/v1/hosts:enroll", {"facts": facts.model_dump()})).expect(201)
    state = StateDirectory(folder / name)
    state.create()
    executors = {"process": ProcessExecutor(grace_seconds=0.5, sample_seconds=0.05)}
    settings = WorkerSettings(url=broker.url, state_directory=state.path, **options)
    number = HostId(parse("host", joined["host"], ""))
    async with BrokerApi(broker.url, joined["token"]) as api:
        agent = Agent(settings, Host(number, facts, FakeGpus(gpus), executors, state), api)
        running = RealAgent(joined["host"], state, asyncio.create_task(agent.run()))
        try:
            yield running
        finally:
            await running.kill()
