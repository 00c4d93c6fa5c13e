"""Projects and sharing from the command line, against a running broker."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from broker.cli.app import app
from tests.api.scene import scientist
from tests.api.test_sharing import team
from tests.support.http import Http
from tests.support.running import Running

Fairlead = Callable[..., Awaitable[Result]]


def fairlead_of(broker: Running, http: Http) -> Fairlead:
    """The command as somebody runs it."""

    async def run(*args: str, code: int = 0) -> Result:
        environment = {"FAIRLEAD_URL": broker.url, "FAIRLEAD_TOKEN": http.token}
        result = await asyncio.to_thread(
            CliRunner().invoke, app, args, env=environment, catch_exceptions=False
        )
        assert result.exit_code == code, (result.stdout, result.stderr)
        return result

    return run


def lines(result: Result) -> list[list[str]]:
    """The rows of a list, without its heading."""
    return [line.split("\t") for line in result.stdout.splitlines()[1:]]


def field(result: Result, name: str) -> str:
    """A value of a shown object."""
    return dict(line.split("\t") for line in result.stdout.splitlines())[name]


def document(result: Result) -> Any:
    return orjson.loads(result.stdout)


@pytest.fixture
async def ann(broker: Running) -> Fairlead:
    await broker.app()
    return fairlead_of(broker, await scientist(broker))


async def test_a_project_is_made_shared_and_put_into_the_trash(
    broker: Running, ann: Fairlead
) -> None:
    bob = fairlead_of(broker, await broker.client("bob"))
    await broker.client("eve")
    await team(broker, "lab", "eve")
    made = await ann("projects", "create", "cryo", "--title", "Maps", "--role", "team:lab=reader")
    assert field(made, "created by") == "ann"
    assert [row[1:3] for row in lines(await ann("projects"))] == [
        ["project", "cryo"],
        ["workspace", "ann"],
    ]
    await bob("projects", "show", "cryo", code=4)
    await ann("share", "cryo", "bob", "editor", "submitter")
    assert (await ann("share", "cryo", "--list")).stdout.splitlines()[2:] == [
        "ann\taccount_2\towner",
        "bob\taccount_3\teditor, submitter",
        "lab\tteam_5\treader",
    ]
    await bob("projects", "set", "cryo", "--title", "Better maps")
    await bob("share", "cryo", "eve", "reader", code=3)
    await ann("share", "cryo", "nobody", "reader", code=5)
    await ann("share", "cryo", "bob", "king", code=5)
    await ann("share", "cryo", "bob", code=2)
    await ann("share", "cryo", code=2)
    await ann("unshare", "cryo", "bob")
    await bob("projects", "set", "cryo", "--title", "x", code=4)
    assert document(await ann("projects", "show", "cryo", "--json"))["title"] == "Better maps"
    await ann("projects", "set", "cryo", code=2)
    number = field(await ann("projects", "show", "cryo"), "id")
    assert (await ann("projects", "trash", "cryo")).stdout == f"{number} is in the trash\n"
    assert lines(await ann("nodes", "trashed"))[0][0] == number
    await ann("nodes", "untrash", number)
    await ann("projects", "show", "cryo")


async def test_rules_Y2_Y3_Y12_a_folder_gets_a_list_of_its_own_and_loses_it(
    broker: Running, ann: Fairlead
) -> None:
    await broker.client("bob")
    await ann("projects", "create", "p", "--role", "registered=reader")
    node = field(await ann("folders", "create", "p", "raw data"), "id")
    await ann("share", node, "bob", "reader", code=7)
    own = await ann("override", node, "--private")
    assert own.stdout.splitlines()[0] == f"{node} is governed by the list of {node}:"
    await ann("share", node, "bob", "downloader")
    assert [row[0] for row in lines(await ann("who-can", "file.download", node))] == [
        "bob",
        "ann",
        "admin",
    ]
    said = await ann("explain-access", "file.edit", node, "--account", "bob", code=3)
    assert field(said, "missing").startswith("holds downloader here")
    assert field(await ann("explain-access", "share", node), "by") == f"owner of ann on {node}"
    assert [row[0] for row in lines(await ann("audit", "benefactors"))] == [node]
    assert document(await ann("restore", node, "--json"))["inherited"]
    assert (await ann("audit", "benefactors")).stdout == ""


async def test_files_go_up_move_and_come_down(
    broker: Running, ann: Fairlead, tmp_path: Path
) -> None:
    await ann("projects", "create", "p")
    (tmp_path / "a.bin").write_bytes(bytes(range(256)) * 300)
    node = field(await ann("folders", "create", "p", "f"), "id")
    file = field(await ann("files", "put", "p", str(tmp_path / "a.bin")), "id")
    await ann("files", "put", "p", str(tmp_path / "a.bin"), code=7)
    await ann("files", "put", "p", str(tmp_path / "absent"), code=5)
    await ann("nodes", "move", file, node)
    await ann("nodes", "rename", file, "b.bin")
    assert lines(await ann("files", "list", node))[0][2:4] == ["b.bin", "76800"]
    assert [row[0] for row in lines(await ann("nodes", "list", "p"))] == [node]
    assert field(await ann("nodes", "show", file), "lies in") == node
    got = await ann("files", "get", file, str(tmp_path))
    assert got.stdout == f"{tmp_path / 'b.bin'}\n"
    assert (tmp_path / "b.bin").read_bytes() == (tmp_path / "a.bin").read_bytes()
    await ann("nodes", "trash", node)
    await ann("nodes", "purge", node, "--yes")
    await ann("nodes", "show", file, code=4)


async def test_jobs_are_submitted_into_a_project(broker: Running, ann: Fairlead) -> None:
    bob = fairlead_of(broker, await scientist(broker, "bob"))
    await ann("projects", "create", "p", "--role", "bob=reader")
    batch = (await ann("submit", "sleep", "--project", "p")).stdout.strip()
    assert [row[0] for row in lines(await bob("batches"))] == [batch]
    assert field(await bob("nodes", "show", batch), "project").startswith("project_")
    await bob("submit", "sleep", "--project", "p", code=3)
    await bob("submit", "sleep", "--project", "nowhere", code=5)
