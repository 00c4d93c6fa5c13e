"""The agent as a process of its own: enrolment, exit codes, signals, `kill -9`."""

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from pull_broker import CREDENTIAL, ENROLLMENT, PullBroker

from broker.protocol.states import Outcome
from workers.main import EXIT_OK, EXIT_REFUSED, EXIT_STARTUP
from workers.recovery import RESTARTED

PROGRAM = """
import sys
from workers.main import main
from workers.settings import WorkerSettings
sys.exit(main(WorkerSettings()))
"""
Start = Callable[..., asyncio.subprocess.Process]


@pytest.fixture
async def start(broker: PullBroker, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts agent processes on one state directory."""
    processes = []

    async def begin(**variables: str) -> asyncio.subprocess.Process:
        own = {
            "FAIRLEAD_URL": broker.url,
            "FAIRLEAD_STATE_DIRECTORY": str(tmp_path / "state"),
            "FAIRLEAD_SLOTS": "1",
            "FAIRLEAD_GPUS": "none",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            PROGRAM,
            env={**os.environ, **own, **variables},
            stderr=subprocess.PIPE,
        )
        processes.append(process)
        return process

    yield begin
    for process in processes:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_enrols_once_and_leaves_on_sigterm(
    broker: PullBroker, start: Start, tmp_path: Path
) -> None:
    key = broker.submit("true")
    first = await start(FAIRLEAD_ENROLLMENT_TOKEN=ENROLLMENT, FAIRLEAD_NAME="a-host")
    await broker.until(lambda: key in broker.reports)
    first.send_signal(signal.SIGTERM)
    assert await first.wait() == EXIT_OK
    assert broker.enrolled[0].facts.name == "a-host"
    credential = tmp_path / "state" / "host.json"
    assert stat.S_IMODE(credential.stat().st_mode) == 0o600
    assert json.loads(credential.read_text())["token"] == CREDENTIAL

    again = broker.submit("true")
    second = await start()
    await broker.until(lambda: again in broker.reports)
    second.send_signal(signal.SIGTERM)
    assert await second.wait() == EXIT_OK
    assert len(broker.enrolled) == 1


async def test_log_is_json_without_secrets(broker: PullBroker, start: Start) -> None:
    process = await start(FAIRLEAD_ENROLLMENT_TOKEN=ENROLLMENT, FAIRLEAD_IDLE_EXIT_SECONDS="0.1")
    _, text = await process.communicate()
    events = [json.loads(line)["event"] for line in text.splitlines()]
    assert "ready" in events
    assert CREDENTIAL.encode() not in text
    assert ENROLLMENT.encode() not in text


async def test_without_a_token_says_what_to_do(start: Start) -> None:
    process = await start()
    _, text = await process.communicate()
    assert process.returncode == EXIT_STARTUP
    assert "FAIRLEAD_ENROLLMENT_TOKEN" in json.loads(text.splitlines()[-1])["event"]


async def test_used_token_is_one_line_and_an_exit_code(start: Start) -> None:
    process = await start(FAIRLEAD_ENROLLMENT_TOKEN="fle_used")
    _, text = await process.communicate()
    assert process.returncode == EXIT_REFUSED
    assert b"Traceback" not in text


async def test_refused_credential_is_an_exit_code(broker: PullBroker, start: Start) -> None:
    first = await start(FAIRLEAD_ENROLLMENT_TOKEN=ENROLLMENT, FAIRLEAD_IDLE_EXIT_SECONDS="0.1")
    await first.wait()
    broker.credential = "flh_another"
    second = await start()
    _, text = await second.communicate()
    assert second.returncode == EXIT_REFUSED
    assert b"Traceback" not in text


async def test_killed_agent_leaves_no_job_and_says_so_after_restart(
    broker: PullBroker, start: Start
) -> None:
    script = "setsid sh -c 'echo $$; exec sleep 600' & echo $$; exec sleep 600"
    key = broker.submit("sh", "-c", script)
    first = await start(FAIRLEAD_ENROLLMENT_TOKEN=ENROLLMENT)
    await broker.until(lambda: broker.logs[(*key, "stdout")].count(b"\n") == 2)
    pids = list(map(int, broker.logs[(*key, "stdout")].split()))
    descriptors = [os.pidfd_open(pid) for pid in pids]
    first.kill()
    await first.wait()
    for descriptor in descriptors:
        await asyncio.to_thread(_until_dead, descriptor)
    second = await start()
    await broker.until(lambda: key in broker.reports)
    assert broker.reports[key].outcome is Outcome.HOST_ERROR
    assert broker.reports[key].message == RESTARTED
    second.send_signal(signal.SIGINT)
    assert await second.wait() == EXIT_OK


def _until_dead(descriptor: int) -> None:
    import select

    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    assert poll.poll(15_000), "the process lives on"
    os.close(descriptor)


async def test_two_agents_never_share_a_state_directory(broker: PullBroker, tmp_path: Path) -> None:
    from broker.errors import StartupError
    from workers.state_directory import StateDirectory

    state = StateDirectory(tmp_path)
    state.create()
    with state.lock(), pytest.raises(StartupError), state.lock(seconds=0):
        pass


def test_importing_the_worker_pulls_in_no_server_library() -> None:
    program = (
        "import importlib, pkgutil, sys, workers\n"
        "for m in pkgutil.walk_packages(workers.__path__, 'workers.'):\n"
        "    importlib.import_module(m.name)\n"
        "print([m for m in ('asyncpg', 'redis', 'numba', 'numpy') if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
