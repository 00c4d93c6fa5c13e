"""The test stand: private servers, a broker as a process of its own, and the first accounts.

The servers are durable (fsync on): a benchmark of a broker that may forget is worth nothing.
"""

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from aiohttp import ClientError, ClientSession, TCPConnector

from broker.embedded import EmbeddedServers, launch
from broker.main import create_admin

START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 30.0
# The broker must not outlive a bench that is killed; the servers are launched the same way.
DIES_WITH_US = (
    *(sys.executable, "-I", "-S", launch.__file__),
    *(str(os.getpid()), str(int(signal.SIGKILL)), "-1", "-1"),
)
NOOP = {"command": ["true"], "parameters": {"x": {"type": "number", "default": 0}}}


@dataclass
class Stand:
    """A running broker and a session that speaks to it."""

    url: str
    database_url: str
    redis_url: str
    admin_token: str
    broker_pid: int
    session: ClientSession
    process_ids: dict[str, int] = field(default_factory=dict)

    async def call(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **more: Any
    ) -> Any:
        """One call; the parsed answer. Raises RuntimeError for a problem."""
        headers = {
            "Authorization": f"Bearer {token or self.admin_token}",
            **more.pop("headers", {}),
        }
        data = body if isinstance(body, bytes) or body is None else orjson.dumps(body)
        async with self.session.request(
            method, self.url + path, data=data, headers=headers, **more
        ) as response:
            content = await response.read()
            if response.status >= 400:
                raise RuntimeError(f"{method} {path}: {response.status} {content[:500]!r}")
            return orjson.loads(content) if content else None

    async def account(self, name: str, quota: float = 1.0) -> str:
        """A new account that may submit everything; its token."""
        await self.call("POST", "/v1/accounts", {"name": name})
        await self.call("PUT", f"/v1/accounts/{name}/privileges", {"submit_all_apps": True})
        await self.call("PATCH", f"/v1/accounts/{name}/quota", {"quota": quota})
        return str((await self.call("POST", f"/v1/accounts/{name}/tokens", {}))["token"])

    async def app(self, name: str = "noop", spec: dict[str, Any] = NOOP) -> None:
        """A new app with a published version."""
        await self.call("POST", "/v1/apps", {"name": name})
        await self.call("POST", f"/v1/apps/{name}/versions", {"spec": spec})

    async def host(self, name: str, slots: int) -> tuple[str, str]:
        """A host with CPU slots: (id, token)."""
        enrollment = await self.call("POST", "/v1/enrollments", {})
        facts = {"name": name, "cpus": max(slots, 1), "memory_mib": 64_000, "slots": slots}
        joined = await self.call(
            "POST", "/v1/hosts:enroll", {"facts": facts}, token=enrollment["token"]
        )
        return joined["host"], joined["token"]

    def memory_mib(self, pid: int | None = None) -> float:
        """Resident memory of a process, the broker by default."""
        status = Path(f"/proc/{pid or self.broker_pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def cpu_seconds(self, pid: int | None = None) -> float:
        """CPU time of a process so far, the broker by default."""
        fields = Path(f"/proc/{pid or self.broker_pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def redis_pid(self) -> int:
        """The process of Valkey or Redis."""
        return next(pid for name, pid in self.process_ids.items() if name != "PostgreSQL")

    def cpu_by_part(self) -> dict[str, float]:
        """CPU seconds so far of the broker, this process, PostgreSQL and Redis."""
        spent = {"broker": self.cpu_seconds(), "driver": time.process_time()}
        for name, pid in self.process_ids.items():
            tasks = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            spent[name.lower()] = sum(self.cpu_seconds(int(p)) for p in [str(pid), *tasks])
        return spent

    def cpu_spent(self, before: dict[str, float]) -> dict[str, float]:
        """CPU seconds of each part since an earlier `cpu_by_part`."""
        return {part: now - before[part] for part, now in self.cpu_by_part().items()}


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def stand(**settings: str) -> AsyncIterator[Stand]:
    """Servers and a broker in a temporary directory, gone afterwards.

    Args:
        settings: more settings of the broker, e.g. lease_seconds="300".
    """
    folder = _enterable_folder()
    try:
        async with EmbeddedServers(folder / "data") as servers:
            token = await create_admin(servers.database_url, "admin")
            port = free_port()
            environment = {
                **os.environ,
                "FAIRLEAD_DATABASE_URL": servers.database_url,
                "FAIRLEAD_REDIS_URL": servers.redis_url,
                "FAIRLEAD_FILES_DIRECTORY": str(folder / "files"),
                "FAIRLEAD_PORT": str(port),
                **{f"FAIRLEAD_{name.upper()}": value for name, value in settings.items()},
            }
            log = (folder / "broker.log").open("wb")
            broker = await asyncio.create_subprocess_exec(
                *DIES_WITH_US,
                *(sys.executable, "-m", "broker", "serve"),
                env=environment,
                stdout=log,
                stderr=log,
            )
            try:
                async with ClientSession(connector=TCPConnector(limit=0)) as session:
                    url = f"http://127.0.0.1:{port}"
                    await _ready(session, url, broker, folder / "broker.log")
                    yield Stand(
                        url,
                        servers.database_url,
                        servers.redis_url,
                        token,
                        broker.pid,
                        session,
                        servers.process_ids,
                    )
            finally:
                await _stop(broker)
                log.close()
                if os.environ.get("FAIRLEAD_BENCH_LOG"):
                    sys.stderr.write((folder / "broker.log").read_text())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _stop(broker: asyncio.subprocess.Process) -> None:
    """Ends the broker; one that does not end when asked is killed, and the figures stand."""
    if broker.returncode is None:
        broker.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(broker.wait(), STOP_SECONDS_MAX)
    except TimeoutError:
        print(f"the broker did not end within {STOP_SECONDS_MAX:.0f} s: killed", file=sys.stderr)
        broker.kill()
        await broker.wait()


def _enterable_folder() -> Path:
    """Not below a private folder: under root the servers run as an account without privileges."""
    folder = Path(tempfile.mkdtemp(prefix="fairlead-bench-", dir="/tmp"))
    folder.chmod(0o755)
    return folder


def _tail(log: Path) -> str:
    return log.read_text()[-2000:]


async def _ready(
    session: ClientSession, url: str, broker: asyncio.subprocess.Process, log: Path
) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        if broker.returncode is not None:
            raise RuntimeError(f"the broker ended: {_tail(log)}")
        with suppress(ClientError):  # not listening yet: asked again until the deadline
            async with session.get(url + "/readyz") as response:
                if response.status in (200, 404):
                    return
        await asyncio.sleep(0.05)
    raise RuntimeError(f"the broker is not ready: {_tail(log)}")


def cpu_us_per(unit: str, spent: dict[str, float], count: int) -> dict[str, float]:
    """CPU seconds by part as microseconds for each of `count` units."""
    return {f"{part}_cpu_us_per_{unit}": seconds / count * 1e6 for part, seconds in spent.items()}


def emit(result: dict[str, Any], as_json: bool) -> None:
    """Prints a result: a line a figure, and with `--json` one JSON line at the end."""
    for name, value in result.items():
        shown = (
            f"{value:,.3f}"
            if isinstance(value, float)
            else f"{value:,}"
            if isinstance(value, int)
            else value
        )
        print(f"  {name:<36} {shown}")
    if as_json:
        print(json.dumps(result))
