"""`fairlead up` through what a machine does to it: killed, killed in part, started twice."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from broker.client import Client
from broker.protocol.apps import AppRequest, VersionRequest, VersionSpec
from broker.protocol.batches import BatchHeader, JobRequest
from tests.support.command import environment, open_folder, up
from tests.support.until import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

SLEEP = VersionSpec(command=["{python}", "-c", "import time; time.sleep(600)"])
TRUE = VersionSpec(command=["{python}", "-c", "pass"])


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as made:
        yield made


def children(pid: int) -> dict[str, psutil.Process]:
    """What a process started, by a word of its command."""
    found = {}
    for child in psutil.Process(pid).children():
        command = " ".join(child.cmdline())
        for word in ("postgres", "valkey-server", "redis-server", "worker"):
            if word in command:
                found[word] = child
    return found


def runs(child: psutil.Process) -> bool:
    """Whether a process still runs. One that only waits to be reaped by its new parent does not."""
    try:
        return child.is_running() and child.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def submit(client: Client, app: str, spec: VersionSpec) -> str:
    client.create_app(AppRequest(name=app))
    client.create_version(app, VersionRequest(spec=spec))
    return client.submit_batch(BatchHeader(app=app), [JobRequest()]).id


def test_killed_whole_it_leaves_no_process_and_the_next_start_finds_its_data(folder: Path) -> None:
    with up(folder, "--slots", "1") as first:
        assert first.admin_token is not None
        with Client(first.url, first.admin_token) as client:
            batch = submit(client, "true", TRUE)
            client.open_batch(batch).wait(timeout_seconds=60)
        started = children(first.process.pid)
        assert {"postgres", "worker"} < set(started)
        first.kill()
        wait_until(lambda: not any(runs(child) for child in started.values()), 60)
    with up(folder, "--slots", "1") as second:
        assert second.admin_token is None
        with Client(second.url, first.admin_token) as client:
            assert client.batch(batch).counts.succeeded == 1
        assert second.interrupt() == 0


def test_a_killed_server_is_started_again_and_work_goes_on(folder: Path) -> None:
    with up(folder, "--slots", "1") as running:
        assert running.admin_token is not None
        with Client(running.url, running.admin_token) as client:
            submit(client, "true", TRUE)
            for word in ("valkey-server", "postgres"):
                [killed] = [c for w, c in children(running.process.pid).items() if w == word]
                os.kill(killed.pid, signal.SIGKILL)
                batch = client.submit_batch(BatchHeader(app="true"), [JobRequest()]).id
                client.open_batch(batch).wait(timeout_seconds=60)
                assert children(running.process.pid)[word].pid != killed.pid
        assert "Traceback" not in running.log.read_text()
        assert running.interrupt() == 0


def test_a_second_interrupt_ends_running_jobs_at_once(folder: Path) -> None:
    with up(folder, "--slots", "1") as running:
        assert running.admin_token is not None
        with Client(running.url, running.admin_token) as client:
            batch = submit(client, "sleep", SLEEP)
            wait_until(lambda: client.batch(batch).counts.running == 1)
        running.process.send_signal(signal.SIGINT)
        wait_until(lambda: "Ctrl-C again" in running.log.read_text())
        assert running.process.poll() is None  # it waits for the job
        assert running.interrupt() == 0
        assert "leaving" in running.log.read_text()


def test_two_on_one_directory_and_a_port_in_use_are_one_line_and_code_9(folder: Path) -> None:
    with up(folder, "--no-worker") as running:
        said = refused(folder, "--directory", str(folder / "data"), "--port", "0")
        assert f"in use by process {running.process.pid}" in said
        assert running.interrupt() == 0
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = refused(folder, "--directory", str(folder / "data"), "--port", port)
        assert said.startswith(f"fairlead: cannot listen on 127.0.0.1:{port}: address already in")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/x"}, "set both"),
        (
            {"DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/x", "REDIS_URL": "redis://r:1/0"},
            "cannot use PostgreSQL at 127.0.0.1:1: connection refused; check FAIRLEAD_DATABASE_URL",
        ),
        (
            {"DATABASE_URL": "u:secret@127.0.0.1/x", "REDIS_URL": "redis://127.0.0.1:1/0"},
            "cannot use PostgreSQL at 127.0.0.1/x: invalid DSN",
        ),
    ],
)
def test_servers_that_cannot_be_used_are_one_line_without_the_password(
    folder: Path, settings: dict[str, str], said: str
) -> None:
    line = refused(folder, **{f"FAIRLEAD_{name}": value for name, value in settings.items()})
    assert line.startswith(f"fairlead: {said}")
    assert "secret" not in line


def test_a_directory_that_cannot_be_used_is_one_line(folder: Path) -> None:
    (folder / "file").touch()
    said = refused(folder, "--directory", str(folder / "file"))
    assert said == (
        f"fairlead: cannot prepare the data directory {folder / 'file'}: it is not a directory"
    )


def refused(folder: Path, *options: str, **settings: str) -> str:
    """The only line that a start says which cannot succeed."""
    done = subprocess.run(
        ["fairlead", "up", *options],
        env=environment(folder, **settings),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert (done.returncode, done.stdout) == (9, ""), done.stderr
    [line] = done.stderr.splitlines()
    return line
