"""The layout: default folder, lock, password, sockets behind long paths."""

import os
import pwd
import stat
from pathlib import Path

import asyncpg
import pytest
import redis.asyncio

from broker.embedded import EmbeddedError, EmbeddedServers, default_data_directory
from broker.embedded.directory import SOCKET_PATH_BYTES_MAX, DataDirectory
from broker.embedded.privileges import choose_server_user

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes to another account")


def test_default_directory_of_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_data_directory() == Path("/var/lib/fairlead")


@pytest.mark.parametrize(
    ("data_home", "expected"),
    [
        ("/data/ada", "/data/ada/fairlead"),
        ("", "/home/ada/.local/share/fairlead"),
        ("relative", "/home/ada/.local/share/fairlead"),  # invalid, so ignored
    ],
)
def test_default_directory_of_a_user(
    monkeypatch: pytest.MonkeyPatch, data_home: str, expected: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("XDG_DATA_HOME", data_home)
    assert default_data_directory() == Path(expected)


def find_entry(path: Path) -> bool:
    return path.name in os.listdir(path.parent)


@pytest.mark.parametrize("name", ["long" * 40, "comma,and space"])
async def test_sockets_move_to_a_short_private_folder(data_directory: Path, name: str) -> None:
    root = data_directory / name
    async with EmbeddedServers(root, durable=False) as servers:
        connection = await asyncpg.connect(servers.database_url)
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()
        async with redis.asyncio.Redis.from_url(servers.redis_url) as client:
            assert await client.ping()
        sockets = Path((root / "sockets").read_text().strip())
        assert len(str(sockets)) < SOCKET_PATH_BYTES_MAX / 2
        found = os.stat(sockets)
        assert stat.S_IMODE(found.st_mode) == 0o700
        user = choose_server_user(root / "postgres")
        assert found.st_uid == (os.getuid() if user is None else user.uid)
    assert not find_entry(sockets)
    assert not find_entry(root / "sockets")


def test_socket_folder_of_a_killed_run_is_removed(data_directory: Path) -> None:
    root = data_directory / ("long" * 40)
    directory = DataDirectory(root)
    directory.create(None)
    first = directory.open_sockets(None)
    second = directory.open_sockets(None)  # as the next start does, without a stop between
    assert not first.exists()
    assert second.is_dir()
    directory.close_sockets(None)


def test_recorded_socket_folder_that_is_not_ours_is_left_alone(data_directory: Path) -> None:
    directory = DataDirectory(data_directory)
    directory.create(None)
    target = data_directory / "precious"
    target.mkdir()
    link = data_directory / "fairlead-link"
    link.symlink_to(target)
    directory.sockets_record.write_text(f"{link}\n")
    directory.close_sockets(None)
    assert target.is_dir()
    assert link.is_symlink()


async def test_lost_password_is_one_clear_line(used_directory: Path) -> None:
    (used_directory / "password").unlink()
    with pytest.raises(EmbeddedError, match="password is missing") as lost:
        await EmbeddedServers(used_directory, durable=False).start()
    assert "\n" not in str(lost.value)


async def test_wrong_password_file_is_one_clear_line(used_directory: Path) -> None:
    (used_directory / "password").write_text("another\n")
    with pytest.raises(EmbeddedError, match="does not open the database"):
        await EmbeddedServers(used_directory, durable=False).start()


async def test_directory_below_a_file_is_one_clear_line() -> None:
    below_a_program = Path("/bin/sh") / "data"
    with pytest.raises(EmbeddedError, match="cannot prepare the data directory"):
        await EmbeddedServers(below_a_program, durable=False).start()


@as_root
async def test_directory_that_the_account_cannot_enter_is_named(data_directory: Path) -> None:
    barred = data_directory / "barred"
    barred.mkdir(parents=True)
    (barred / "content").touch()
    barred.chmod(0o700)
    with pytest.raises(EmbeddedError, match=f"cannot enter {barred}: choose another"):
        await EmbeddedServers(barred / "deep" / "data").start()
    assert os.listdir(barred) == ["content"]  # nothing was made in vain


@as_root
def test_account_is_postgres_or_nobody_and_then_the_owner_of_the_data(
    data_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = pwd.getpwnam("nobody")

    def without_postgres(name: str) -> pwd.struct_passwd:
        if name == "postgres":
            raise KeyError(name)
        return nobody

    cluster = data_directory / "postgres"
    cluster.mkdir(parents=True)
    daemon = pwd.getpwnam("daemon")
    with monkeypatch.context() as patched:
        patched.setattr(pwd, "getpwnam", without_postgres)
        user = choose_server_user(cluster)
        assert user is not None
        assert user.uid == nobody.pw_uid
    os.chown(cluster, daemon.pw_uid, daemon.pw_gid)
    user = choose_server_user(cluster)
    assert user is not None
    assert user.name == "daemon"
