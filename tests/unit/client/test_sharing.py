"""Access lists, nodes and their files: what travels."""

from pathlib import Path
from typing import Any

import pytest

from broker.client import AsyncClient
from broker.client.files import DigestMismatch
from broker.errors import InvalidInput
from broker.protocol.nodes import Role
from broker.protocol.sharing import Entry

from .fake_broker import FakeBroker, says, serves

ACL = {
    "node": "folder_18",
    "benefactor_id": "folder_18",
    "inherited": False,
    "version": 2,
    "entries": [{"principal": "team_5", "name": "lab", "roles": ["reader"]}],
}
FILE = {
    "id": "file_22",
    "kind": "file",
    "name": "a.txt",
    "parent": "folder_18",
    "project": "project_17",
    "benefactor_id": "project_17",
    "created_by": "account_1",
    "created_by_name": "alice",
    "created_at": "2025-01-01T00:00:00Z",
    "size_bytes": 3,
    "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",  # of abc
}


async def test_a_list_is_replaced_whole_or_entry_by_entry(
    broker: FakeBroker, client: AsyncClient
) -> None:
    broker.on("PUT", "/v1/nodes/folder_18/acl", says(ACL))
    broker.on("PUT", "/v1/nodes/folder_18/acl/team:lab", says(ACL))
    broker.on("POST", "/v1/nodes/folder_18:override", says(ACL))
    entry = Entry(principal="team:lab", roles=[Role.READER])
    shown = await client.set_access_list("folder_18", [entry])
    assert shown.entries[0].roles == [Role.READER]
    assert broker.seen[-1].json == {"entries": [{"principal": "team:lab", "roles": ["reader"]}]}
    await client.share_node("folder_18", "team:lab", Role.READER, Role.SUBMITTER)
    assert broker.seen[-1].path.endswith("/acl/team:lab")
    assert broker.seen[-1].json == {"roles": ["reader", "submitter"]}
    await client.override_node("folder_18", private=True)
    assert broker.seen[-1].json["private"] is True


async def test_a_file_comes_down_whole_or_not_at_all(
    broker: FakeBroker, client: AsyncClient, tmp_path: Path
) -> None:
    other = {**FILE, "sha256": "0" * 64}
    nothing: dict[str, Any] = {**FILE, "sha256": None, "size_bytes": None}
    broker.on("GET", "/v1/nodes/file_22", says(FILE), says(other), says(nothing))
    broker.on("GET", "/v1/files/file_22/content", serves(b"abc"))
    path = await client.download_file("file_22", tmp_path)
    assert path == tmp_path / "a.txt"
    assert path.read_bytes() == b"abc"
    with pytest.raises(DigestMismatch):
        await client.download_file("file_22", tmp_path / "b.txt")
    assert not (tmp_path / "b.txt").exists()
    with pytest.raises(InvalidInput, match="no content"):
        await client.download_file("file_22", tmp_path)
