"""Files in projects: uploaded, listed, downloaded, given other content."""

import hashlib
from typing import Any

from tests.api.trees import folder, names, project, share
from tests.support.http import Http
from tests.support.running import Running


async def upload(http: Http, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    (await http.put(f"/v1/blobs/{digest}", content)).expect(201)
    return digest


async def put(http: Http, parent: str, name: str, content: bytes) -> dict[str, Any]:
    """A new file."""
    body = {"parent": parent, "name": name, "sha256": await upload(http, content)}
    made: dict[str, Any] = (await http.post("/v1/files", body)).expect(201)
    return made


async def test_a_file_is_what_was_uploaded(broker: Running) -> None:
    ann = await broker.client("ann")
    top = await project(ann, "p")
    made = await put(ann, "p", "notes 1.txt", b"hello")
    assert (made["kind"], made["name"], made["size_bytes"]) == ("file", "notes 1.txt", 5)
    assert made["benefactor_id"] == top["id"]  # Y11
    assert (await ann.get(f"/v1/nodes/{made['id']}")).expect(200) == made
    reply = await ann.get(f"/v1/files/{made['id']}/content")
    assert (reply.status, reply.content) == (200, b"hello")
    assert reply.headers["Content-Disposition"] == 'attachment; filename="notes_1.txt"'
    part = await ann.get(f"/v1/files/{made['id']}/content", headers={"Range": "bytes=1-2"})
    assert (part.status, part.content) == (206, b"el")
    digest = await upload(ann, b"other")
    changed = await ann.put(f"/v1/files/{made['id']}/content", {"sha256": digest})
    assert changed.expect(200)["size_bytes"] == 5
    assert (await ann.get(f"/v1/files/{made['id']}/content")).content == b"other"


async def test_rules_Y7_T6_each_role_does_more_with_a_file(broker: Running) -> None:
    ann, bob = await broker.client("ann"), await broker.client("bob")
    await project(ann, "p")
    file = (await put(ann, "p", "f", b"x"))["id"]
    digest = await upload(bob, b"y")
    content = f"/v1/files/{file}/content"
    body = {"parent": "p", "name": "g", "sha256": digest}

    async def statuses() -> list[int]:
        return [
            (await bob.get(f"/v1/nodes/{file}")).status,
            (await bob.get(content)).status,
            (await bob.put(content, {"sha256": digest})).status,
        ]

    assert await statuses() == [404, 404, 404]
    await share(ann, "p", "bob", "reader")
    assert await statuses() == [200, 403, 403]
    await share(ann, "p", "bob", "downloader")
    assert await statuses() == [200, 200, 403]
    (await bob.post("/v1/files", body)).problem(403, "forbidden")
    await share(ann, "p", "bob", "editor")
    assert await statuses() == [200, 200, 200]
    mine = (await bob.post("/v1/files", body)).expect(201)["id"]
    (await bob.post(f"/v1/nodes/{mine}:trash")).problem(403, "forbidden")
    await share(ann, "p", "bob", "writer")
    (await bob.post(f"/v1/nodes/{file}:trash")).problem(403, "forbidden")
    (await bob.post(f"/v1/nodes/{mine}:trash")).expect(200)
    assert await names(bob, "/v1/nodes/p/children?kind=file") == ["f"]


async def test_knowing_a_digest_gives_nobody_a_content(broker: Running) -> None:
    ann, bob = await broker.client("ann"), await broker.client("bob")
    await project(bob, "p")
    digest = await upload(ann, b"secret")
    reply = await bob.post("/v1/files", {"parent": "p", "name": "f", "sha256": digest})
    reply.problem(422, "invalid_input")
    assert reply.pointers() == ["/sha256"]
    assert await names(bob, "/v1/nodes/p/children") == []
    mine = (await put(bob, "p", "f", b"mine"))["id"]
    (await bob.put(f"/v1/files/{mine}/content", {"sha256": digest})).problem(422, "invalid_input")
    assert (await bob.get(f"/v1/files/{mine}/content")).content == b"mine"


async def test_rules_Y2_Y10_a_file_can_be_private_in_a_public_project(broker: Running) -> None:
    ann, eve = await broker.client("ann"), await broker.client("eve")
    await project(ann, "p", entries=[{"principal": "everyone", "roles": ["reader"]}])
    node = (await folder(ann, "p", "f"))["id"]
    for name in ("open", "private"):
        await put(ann, node, name, b"x")
    listed = (await ann.get(f"/v1/nodes/{node}/children")).expect(200)["items"]
    private = listed[0]["id"]
    assert await names(broker.anonymous, f"/v1/nodes/{node}/children") == ["private", "open"]
    (await ann.post(f"/v1/nodes/{private}:override", {"private": True})).expect(200)
    assert await names(eve, f"/v1/nodes/{node}/children") == ["open"]
    assert await names(ann, f"/v1/nodes/{node}/children") == ["private", "open"]
    assert await names(broker.admin, f"/v1/nodes/{node}/children") == ["private", "open"]
    (await eve.get(f"/v1/nodes/{private}")).problem(404, "not_found")
    (await ann.post(f"/v1/nodes/{private}:restore")).expect(200)
    assert await names(eve, f"/v1/nodes/{node}/children") == ["private", "open"]


async def test_files_are_listed_in_pages(broker: Running) -> None:
    ann = await broker.client("ann")
    await project(ann, "p")
    for number in range(5):
        await put(ann, "p", f"f{number}", b"x")
    found: list[str] = []
    cursor = ""
    while True:
        path = f"/v1/nodes/p/children?limit=2{cursor}"
        page = (await ann.get(path)).expect(200)
        found += [item["name"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert found == ["f4", "f3", "f2", "f1", "f0"]
