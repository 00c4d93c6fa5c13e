"""An agent in this process, against a broker of a few dicts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from pull_broker import CREDENTIAL, PullBroker

from broker.protocol.resources import Gpu, HostFacts
from workers.agent import Agent, Host
from workers.broker_api import BrokerApi
from workers.clock import boot_clock
from workers.executors.process import ProcessExecutor
from workers.gpus import FakeGpus
from workers.settings import WorkerSettings
from workers.state_directory import StateDirectory

StartAgent = Callable[..., AbstractAsyncContextManager[Agent]]


@pytest.fixture
async def broker() -> AsyncIterator[PullBroker]:
    async with PullBroker() as running:
        yield running


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    directory = StateDirectory(tmp_path / "state")
    directory.create()
    return directory


@pytest.fixture
def gpus() -> list[Gpu]:
    return []


@pytest.fixture
def start_agent(broker: PullBroker, state: StateDirectory, gpus: list[Gpu]) -> StartAgent:
    """Starts agents; `agent.finished` is the task that ends when the agent has left."""

    @contextlib.asynccontextmanager
    async def start(
        *, clock: Callable[[], float] = boot_clock, slots: int = 2, **options: object
    ) -> AsyncIterator[Agent]:
        settings = WorkerSettings(url=broker.url, state_directory=state.path, **options)
        facts = HostFacts(name="test", cpus=2, memory_mib=1024, slots=slots, gpus=gpus)
        executors = {"process": ProcessExecutor(grace_seconds=0.5, sample_seconds=0.05)}
        async with BrokerApi(broker.url, CREDENTIAL) as api:
            agent = Agent(settings, Host(1, facts, FakeGpus(gpus), executors, state), api, clock)
            agent.finished = asyncio.create_task(agent.run())
            try:
                yield agent
            finally:
                agent.finished.cancel()
                await asyncio.gather(agent.finished, return_exceptions=True)

    return start
