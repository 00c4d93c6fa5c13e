"""The owner is killed or interrupted; what its servers do and what the next owner finds."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from broker.embedded import EmbeddedServers
from broker.embedded.orphans import find_servers
from tests.support.until import wait_until

OWNER = Path(__file__).with_name("owner.py")
EXIT_SECONDS_MAX = 20


class Owner:
    """`owner.py` as a process group of its own, as a shell would start it."""

    def __init__(self, directory: Path, mode: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, OWNER, directory, mode],
            stdout=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        assert self.process.stdout is not None
        self.pids = json.loads(self.process.stdout.readline())["pids"]

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def owners() -> Iterator[list[Owner]]:
    started: list[Owner] = []
    yield started
    for owner in started:
        owner.end()


def start_stranger(directory: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["cat"], stdin=subprocess.PIPE, cwd=directory)


async def assert_data_found(directory: Path) -> EmbeddedServers:
    servers = EmbeddedServers(directory)
    async with servers:
        connection = await asyncpg.connect(servers.database_url)
        assert await connection.fetchval("SELECT count(*) FROM kept") == 1
        await connection.close()
    return servers


async def test_start_right_after_the_owner_was_killed_finds_its_data(
    used_directory: Path, owners: list[Owner]
) -> None:
    owners.append(Owner(used_directory, "keep"))
    owners[0].end()
    await assert_data_found(used_directory)


@pytest.mark.skipif(sys.platform != "linux", reason="needs PR_SET_PDEATHSIG")
def test_servers_end_cleanly_when_their_owner_is_killed(
    used_directory: Path, owners: list[Owner]
) -> None:
    owners.append(Owner(used_directory, "keep"))
    owners[0].end()
    wait_until(lambda: not find_servers(used_directory))
    assert "database system is shut down" in (used_directory / "log/postgres.log").read_text()


async def test_orphans_that_outlived_their_owner_are_stopped_and_restarted(
    used_directory: Path, owners: list[Owner]
) -> None:
    owners.append(Owner(used_directory, "orphan"))
    pids = set(owners[0].pids.values())
    owners[0].end()
    assert pids <= set(find_servers(used_directory))
    servers = await assert_data_found(used_directory)
    assert servers.notes == ["stopped postgres and valkey-server of an earlier run that was killed"]
    # Cleanly: no crash recovery was needed.
    assert "was not properly shut down" not in (used_directory / "log/postgres.log").read_text()


async def test_servers_killed_with_their_owner_recover(
    used_directory: Path, owners: list[Owner]
) -> None:
    owners.append(Owner(used_directory, "orphan"))
    owners[0].end()
    for pid in owners[0].pids.values():
        os.kill(pid, signal.SIGKILL)
    await assert_data_found(used_directory)
    assert "was not properly shut down" in (used_directory / "log/postgres.log").read_text()


async def test_pid_file_that_names_a_stranger_hurts_nobody(
    used_directory: Path, owners: list[Owner]
) -> None:
    owners.append(Owner(used_directory, "keep"))
    pid_file = used_directory / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().splitlines(keepends=True)
    owners[0].end()
    wait_until(lambda: not find_servers(used_directory))
    stranger = start_stranger(used_directory)
    try:
        pid_file.write_text("".join([f"{stranger.pid}\n", *lines[1:]]))
        await assert_data_found(used_directory)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.communicate()


def test_interrupt_from_the_terminal_stops_everything_in_order(
    used_directory: Path, owners: list[Owner]
) -> None:
    owners.append(Owner(used_directory, "keep"))
    os.killpg(owners[0].process.pid, signal.SIGINT)
    assert owners[0].process.wait(EXIT_SECONDS_MAX) == 0
    assert find_servers(used_directory) == {}
    assert not (used_directory / "postgres" / "postmaster.pid").exists()
    assert (used_directory / "log/postgres.log").read_text().count("shutdown request") == 1
