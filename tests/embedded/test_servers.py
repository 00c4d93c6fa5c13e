"""Both real servers: start, find the data again, report a death, stop."""

import asyncio
import os
import signal
from pathlib import Path

import asyncpg
import pytest
import redis.asyncio

from broker.embedded import EmbeddedError, EmbeddedServers
from broker.embedded.orphans import find_servers
from broker.embedded.processes import LOG_BYTES_MAX
from tests.support.until import until


async def query(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_second_start_finds_the_data_of_the_first(data_directory: Path) -> None:
    async with EmbeddedServers(data_directory) as servers:
        await query(servers.database_url, "CREATE TABLE kept AS SELECT 'grüssen' AS word")
        async with redis.asyncio.Redis.from_url(servers.redis_url) as client:
            await client.set("kept", "yes")
    async with EmbeddedServers(data_directory) as servers:
        assert servers.notes == []
        assert await query(servers.database_url, "SELECT upper(word) FROM kept") == "GRÜSSEN"
        async with redis.asyncio.Redis.from_url(servers.redis_url) as client:
            assert await client.get("kept") == b"yes"


async def test_settings_are_durable_and_private(data_directory: Path) -> None:
    async with EmbeddedServers(data_directory, shared_buffers_mib=96) as servers:
        for setting, value in {
            "fsync": "on",
            "synchronous_commit": "on",
            "data_checksums": "on",
            "listen_addresses": "",
            "shared_buffers": "96MB",
            "password_encryption": "scram-sha-256",
        }.items():
            assert await query(servers.database_url, f"SHOW {setting}") == value
        async with redis.asyncio.Redis.from_url(servers.redis_url) as client:
            settings = await client.config_get("*")
    assert settings["port"] == "0"
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "everysec"
    assert settings["maxmemory-policy"] == "noeviction"
    assert (data_directory / "password").stat().st_mode & 0o777 == 0o600


async def test_broker_role_is_no_superuser_but_creates_databases(used_directory: Path) -> None:
    async with EmbeddedServers(used_directory, durable=False) as servers:
        rights = "SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        connection = await asyncpg.connect(servers.database_url)
        assert tuple(await connection.fetchrow(rights)) == (False, True)
        await connection.execute("CREATE DATABASE template_of_a_run")
        await connection.execute("CREATE DATABASE clone TEMPLATE template_of_a_run")
        await connection.execute("DROP DATABASE clone WITH (FORCE)")
        await connection.close()
        connection = await asyncpg.connect(servers.superuser_url)
        assert tuple(await connection.fetchrow(rights)) == (True, True)
        await connection.close()


async def test_wrong_password_is_refused(used_directory: Path) -> None:
    async with EmbeddedServers(used_directory, durable=False) as servers:
        url = servers.database_url.replace(":", ":wrong", 2).replace(":wrong//", "://")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(url)


async def test_stop_leaves_no_process_pid_file_or_socket(used_directory: Path) -> None:
    servers = EmbeddedServers(used_directory, durable=False)
    await servers.start()
    assert set(servers.process_ids.values()) <= set(find_servers(used_directory))
    await servers.stop()
    assert find_servers(used_directory) == {}
    assert not (used_directory / "postgres" / "postmaster.pid").exists()
    assert not (used_directory / "valkey" / "valkey.pid").exists()
    assert list((used_directory / "run").iterdir()) == []
    await servers.stop()  # a second time does nothing
    with pytest.raises(EmbeddedError, match="not running"):
        await servers.wait_failed()


async def test_second_owner_is_told_the_directory_and_the_holder(used_directory: Path) -> None:
    async with EmbeddedServers(used_directory, durable=False) as first:
        with pytest.raises(EmbeddedError) as refused:
            await EmbeddedServers(used_directory, durable=False).start()
        assert str(used_directory) in str(refused.value)
        assert str(os.getpid()) in str(refused.value)
        assert await query(first.database_url, "SELECT 1") == 1  # the first is unharmed


@pytest.mark.parametrize("name", ["PostgreSQL", "Valkey"])
async def test_killed_server_is_reported_and_restarts_with_its_data(
    used_directory: Path, name: str
) -> None:
    servers = EmbeddedServers(used_directory)
    await servers.start()
    await query(servers.database_url, "CREATE TABLE kept AS SELECT 1 AS id")
    pid = servers.process_ids[name]
    watch = asyncio.create_task(servers.wait_failed())
    os.kill(pid, signal.SIGKILL)
    failure = await watch
    assert (failure.name, failure.pid, failure.status) == (name, pid, -signal.SIGKILL)
    assert "killed by SIGKILL" in failure.message
    assert "ready" in failure.log_tail.lower()
    await servers.stop()
    await servers.start()
    assert await query(servers.database_url, "SELECT count(*) FROM kept") == 1
    await servers.stop()


async def test_server_that_dies_while_starting_is_reported_with_its_log(
    used_directory: Path,
) -> None:
    servers = EmbeddedServers(used_directory, durable=False, shared_buffers_mib=-1)
    with pytest.raises(EmbeddedError, match=r"PostgreSQL.*ended.*FATAL.*shared_buffers") as failed:
        await servers.start()
    assert "\n" not in str(failed.value)
    assert "FATAL" in failed.value.log_tail
    assert find_servers(used_directory) == {}


async def test_cancelled_first_start_leaves_nothing_and_can_be_repeated(
    data_directory: Path,
) -> None:
    servers = EmbeddedServers(data_directory, durable=False)
    start = asyncio.create_task(servers.start())
    await until(lambda: any(data_directory.glob("postgres.init-*/cluster/base")))
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    assert not (data_directory / "postgres").exists()
    async with servers:
        assert await query(servers.database_url, "SELECT 1") == 1
    assert not [name for name in os.listdir(data_directory) if name.startswith("postgres.")]


async def test_cancelled_later_start_stops_the_servers(used_directory: Path) -> None:
    servers = EmbeddedServers(used_directory, durable=False)
    start = asyncio.create_task(servers.start())
    await until(lambda: servers.process_ids)
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    assert find_servers(used_directory) == {}


async def test_log_that_grew_too_long_is_cut_while_the_server_runs(used_directory: Path) -> None:
    async with EmbeddedServers(used_directory, durable=False) as servers:
        log = used_directory / "log" / "valkey.log"
        os.truncate(log, LOG_BYTES_MAX + 1)
        watch = asyncio.create_task(servers.wait_failed())
        await until(lambda: log.stat().st_size <= LOG_BYTES_MAX)
        assert log.with_name("valkey.log.1").stat().st_size > LOG_BYTES_MAX
        os.kill(servers.process_ids["Valkey"], signal.SIGTERM)
        failure = await watch
        assert failure.status == 0
        assert "exit" in failure.log_tail  # what it wrote after the cut


def test_servers_may_be_stopped_under_another_event_loop(used_directory: Path) -> None:
    servers = EmbeddedServers(used_directory, durable=False)
    asyncio.run(servers.start())
    assert asyncio.run(query(servers.database_url, "SELECT 1")) == 1
    asyncio.run(servers.stop())
    assert find_servers(used_directory) == {}
