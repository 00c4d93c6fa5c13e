"""Who takes part, what each computes, and how they come to their accounts: all through the API."""

import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files

from broker.client import AsyncBatchHandle, AsyncClient
from broker.protocol.accounts import AccountRequest, AppPrivileges
from broker.protocol.apps import (
    AppRequest,
    InputSpec,
    OutputSpec,
    ParameterSpec,
    VersionRequest,
    VersionSpec,
)
from broker.protocol.batches import InputContent, JobRequest
from broker.protocol.quotas import QuotaRequest
from broker.protocol.resources import JobLimits, Resources
from broker.protocol.tokens import TokenRequest

APP = "ising"
LATTICE = json.dumps({"coupling": 1.0, "boundary": "periodic"})
TEMPERATURES = (1.5, 1.8, 2.0, 2.1, 2.2, 2.4, 2.8, 3.5)
JOB_SECONDS_MAX = 10


@dataclass(frozen=True, slots=True)
class Scientist:
    """One account of the demo."""

    name: str
    quota: float


SCIENTISTS = (Scientist("ada", 50), Scientist("ben", 30), Scientist("cleo", 20))


@dataclass(frozen=True, slots=True)
class Design:
    """The size of the computation.

    Sweeps are in proportion to quotas, so that all three have jobs waiting until nearly the end.
    """

    temperatures: tuple[float, ...] = TEMPERATURES
    chains_per_10_quota: int = 3  # keeps two cores busy for about 40 s
    """Independent Markov chains at each temperature for every 10 points of quota."""
    size: int = 64
    sweeps: int = 1_000
    warm_up_sweeps: int = 500

    @classmethod
    def for_slots(cls, slots: int) -> "Design":
        """The full sweep; longer where every slot has a core of its own and jobs end sooner."""
        cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
        return cls(chains_per_10_quota=5) if cores > slots else cls()

    def jobs(self, scientist: Scientist) -> Iterator[JobRequest]:
        """One chain at each temperature, then the next one; every chain has a seed of its own."""
        first = 1_000 * int(scientist.quota)
        for chain in range(round(scientist.quota / 10 * self.chains_per_10_quota)):
            for place, temperature in enumerate(self.temperatures):
                yield JobRequest(
                    name=f"T={temperature:g}, chain {chain + 1}",
                    parameters={
                        "temperature": temperature,
                        "size": self.size,
                        "sweeps": self.sweeps,
                        "warm_up_sweeps": self.warm_up_sweeps,
                        "seed": first + chain * len(self.temperatures) + place,
                    },
                    inputs={"lattice.json": InputContent(text=LATTICE)},
                )


def app_version() -> VersionSpec:
    """How a job runs: the script travels with the app, the lattice is the job's input."""
    script = files("broker.demo").joinpath("ising.py").read_text(encoding="utf-8")
    options = ("temperature", "size", "sweeps", "warm_up_sweeps", "seed", "start")
    command = ["{python}", "ising.py"]
    for option in options:
        command += ["--" + option.replace("_", "-"), f"{{{option}}}"]
    return VersionSpec(
        command=command,
        files={"ising.py": script},
        parameters={
            "temperature": ParameterSpec(
                type="number", unit="J/k_B", minimum=0.1, maximum=100, description="Temperature."
            ),
            "size": ParameterSpec(
                type="integer", minimum=2, maximum=1024, description="Sites along one side; even."
            ),
            "sweeps": ParameterSpec(
                type="integer", minimum=1, description="Sweeps of which samples are taken."
            ),
            "warm_up_sweeps": ParameterSpec(
                type="integer", minimum=0, description="Sweeps before the first sample."
            ),
            "seed": ParameterSpec(type="integer", minimum=0, description="Seed of the chain."),
            "start": ParameterSpec(
                type="string",
                choices=["ordered", "random"],
                default="ordered",
                description="Spins at the start.",
            ),
        },
        inputs={"lattice.json": InputSpec(description="Coupling and boundary of the lattice.")},
        outputs={
            "result.json": OutputSpec(
                maximum_bytes=100_000, description="Means per site with standard errors."
            )
        },
        resources=Resources(cpus=1),
        limits=JobLimits(wall_seconds=JOB_SECONDS_MAX),
        deterministic=True,
    )


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one scientist has submitted."""

    scientist: Scientist
    client: AsyncClient
    batch: AsyncBatchHandle
    jobs: int


@asynccontextmanager
async def sweeps(url: str, admin_token: str, design: Design) -> AsyncIterator[list[Sweep]]:
    """An admin makes app and accounts; then each scientist submits with a token of their own."""
    async with AsyncExitStack() as stack:
        admin = await stack.enter_async_context(AsyncClient(url, admin_token))
        await admin.create_app(AppRequest(name=APP, title="2-D Ising model, heat bath"))
        await admin.create_version(APP, VersionRequest(spec=app_version()))
        clients = [
            await stack.enter_async_context(AsyncClient(url, await _admit(admin, scientist)))
            for scientist in SCIENTISTS
        ]
        yield [
            await _submit(client, scientist, design)
            for client, scientist in zip(clients, SCIENTISTS, strict=True)
        ]


async def _admit(admin: AsyncClient, scientist: Scientist) -> str:
    """An account with its quota and the right to use the app; returns its token."""
    await admin.create_account(AccountRequest(name=scientist.name))
    await admin.set_quota(scientist.name, QuotaRequest(quota=scientist.quota))
    await admin.set_app_privileges(APP, scientist.name, AppPrivileges(submit=True))
    return (await admin.create_token(scientist.name, TokenRequest(name="demo"))).token


async def _submit(client: AsyncClient, scientist: Scientist, design: Design) -> Sweep:
    jobs = list(design.jobs(scientist))
    batch = await client.submit(APP, jobs, name=f"{scientist.name}: magnetisation")
    return Sweep(scientist, client, batch, len(jobs))
