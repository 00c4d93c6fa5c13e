"""Imports over HTTP: whose data comes into whose projects, and who may switch it off."""

from typing import Any

import pytest

from broker.protocol.ids import NodeId
from broker.protocol.nodes import Kind
from broker.storage import nodes
from tests.api.lab import Lab, bind, lab, project, root, share
from tests.support.http import Http, Reply
from tests.support.running import Running

A, B = "sets/a.mrc", "sets/b.mrc"


def imports(mine: Lab) -> str:
    return f"/v1/projects/{mine.project}/imports"


async def bring(who: Http, where: str, *paths: str, root: str = "one", **more: Any) -> Reply:
    return await who.post(where, {"root": root, "paths": list(paths or (A,)), **more})


async def test_places_become_files_that_refer_to_them(broker: Running) -> None:
    mine = await lab(broker, "one", 1001, mode="read")
    made = (await bring(mine.member, imports(mine), A, B)).expect(201)["items"]
    assert [(file["name"], file["path"]) for file in made] == [("a.mrc", A), ("b.mrc", B)]
    assert {file["root"] for file in made} == {mine.root}
    listed = (await mine.member.get(imports(mine))).expect(200)["items"]
    assert listed == made[::-1]
    (page,) = (await mine.member.get(f"{imports(mine)}?limit=1")).expect(200)["items"]
    assert page == made[1]
    reply = await broker.admin.delete(f"/v1/projects/{mine.project}/bindings/one")
    reply.expect(204)
    assert "2 files" in (await broker.admin.delete("/v1/data-roots/one")).json["detail"]


async def test_rules_C3_C6_nobody_imports_from_another_labs_root(broker: Running) -> None:
    one, two = await lab(broker, "one", 1001), await lab(broker, "two", 1002)
    for name in ("two", two.root):
        unseen = await bring(one.member, imports(one), root=name)
        unseen.problem(422, "invalid_input")
        absent = await bring(one.member, imports(one), root="who")
        assert unseen.json["detail"].replace(name, "who") == absent.json["detail"]
        assert unseen.pointers() == absent.pointers() == ["/root"]
    # not even where an admin bound it by mistake: a binding gives nobody anything
    await bind(broker, one.project, two.root)
    (await bring(one.member, imports(one), root="two")).problem(422, "invalid_input")
    # and nobody imports into another lab's project
    unseen = await bring(two.member, imports(one), root="two")
    unseen.problem(404, "not_found")
    assert (await broker.admin.get(imports(one))).expect(200)["items"] == []


async def test_rule_C3_a_root_that_is_not_bound_is_not_imported(broker: Running) -> None:
    mine = await lab(broker, "one", 1001)
    elsewhere = await project(broker, "elsewhere", {"one-member": "editor"})
    for who in (mine.member, broker.admin):
        reply = await bring(who, f"/v1/projects/{elsewhere}/imports")
        assert "not bound" in reply.problem(403, "forbidden")["detail"]
        assert reply.pointers() == ["/root"]


@pytest.mark.parametrize("by", ["account", "project", "root"])
async def test_rule_C4_imports_are_off_for_one_and_an_admin_imports_for_them(
    broker: Running, by: str
) -> None:
    mine = await lab(broker, "one", 1001)
    switch = {
        "account": "/v1/accounts/one-member/import",
        "project": f"/v1/projects/{mine.project}/import",
    }
    off = {"import_enabled": False}

    async def set_to(enabled: dict[str, bool], who: Http = broker.admin) -> Reply:
        if by == "root":
            return await who.patch("/v1/data-roots/one", enabled)
        return await who.put(switch[by], enabled)

    (await set_to(off, mine.member)).problem(403, "forbidden")
    assert (await set_to(off)).expect(200)["import_enabled"] is False
    reply = await bring(mine.member, imports(mine))
    assert "switched off" in reply.problem(403, "forbidden")["detail"]
    made = (await bring(broker.admin, imports(mine))).expect(201)["items"]
    assert (await mine.member.get(imports(mine))).expect(200)["items"] == made
    (await set_to({"import_enabled": True})).expect(200)
    (await bring(mine.member, imports(mine), B)).expect(201)


async def test_import_needs_a_role_on_root_and_project(broker: Running) -> None:
    mine = await lab(broker, "one", 1001)
    of_root = int(mine.root.removeprefix("root_"))
    of_project = int(mine.project.removeprefix("project_"))
    for node, others in ((of_root, of_project), (of_project, of_root)):
        await share(broker, others, {"one-member": "editor"})
        for role in ("reader", "downloader", "executor"):
            await share(broker, node, {"one-member": role})
            (await bring(mine.member, imports(mine))).problem(403, "forbidden")
    await share(broker, of_project, {"one-member": "editor"})
    (await bring(mine.member, imports(mine))).expect(201)


async def test_rule_T17_owners_and_managers_delete_in_a_bound_root(broker: Running) -> None:
    mine = await lab(broker, "one", 1001)
    boss = await broker.client("boss")
    node = int(mine.project.removeprefix("project_"))
    await share(broker, node, {"one-member": "writer", "boss": "owner"})
    first, second = (await bring(mine.member, imports(mine), A, B)).expect(201)["items"]
    reply = await mine.member.delete(f"{imports(mine)}/{first['id']}")
    assert "owner or manager" in reply.problem(403, "forbidden")["detail"]
    # nor by way of the trash, although a writer deletes other files of its own
    reply = await mine.member.post(f"/v1/nodes/{first['id']}:trash")
    assert "owner or manager" in reply.problem(403, "forbidden")["detail"]
    (await boss.delete(f"{imports(mine)}/{first['id']}")).expect(204)
    (await broker.admin.delete(f"{imports(mine)}/{second['id']}")).expect(204)
    (await boss.delete(f"{imports(mine)}/{first['id']}")).problem(404, "not_found")
    assert (await boss.get(imports(mine))).expect(200)["items"] == []
    (await bring(mine.member, imports(mine), A)).expect(201)  # the name is free again


async def test_a_file_is_named_under_its_own_project_only(broker: Running) -> None:
    one, two = await lab(broker, "one", 1001), await lab(broker, "two", 1002)
    (file,) = (await bring(one.member, imports(one))).expect(201)["items"]
    (await broker.admin.delete(f"{imports(two)}/{file['id']}")).problem(404, "not_found")
    (await two.member.delete(f"{imports(one)}/{file['id']}")).problem(404, "not_found")


async def test_a_private_folder_hides_what_was_imported_into_it(broker: Running) -> None:
    mine = await lab(broker, "one", 1001)
    await broker.client("boss")
    of_project = NodeId(int(mine.project.removeprefix("project_")))
    async with broker.services.database.transaction() as connection:
        folder = await nodes.create(connection, Kind.FOLDER, of_project, "private", None)
        assert folder is not None
        await nodes.restamp(connection, folder, folder)
    await share(broker, folder, {"boss": "owner"})
    here = f"folder_{folder}"
    reply = await bring(mine.member, imports(mine), folder=here)
    reply.problem(422, "invalid_input")
    absent = await bring(mine.member, imports(mine), folder="folder_999")
    assert reply.json["detail"].replace(here, "folder_999") == absent.json["detail"]
    made = (await bring(broker.admin, imports(mine), folder=here)).expect(201)["items"]
    assert (await mine.member.get(imports(mine))).expect(200)["items"] == []
    assert (await broker.admin.get(imports(mine))).expect(200)["items"] == made
    reply = await mine.member.delete(f"{imports(mine)}/{made[0]['id']}")
    reply.problem(404, "not_found")


@pytest.mark.parametrize(
    ("paths", "pointer"),
    [
        ([A, "../two/x"], "/paths/1"),
        (["/etc/passwd"], "/paths/0"),
        (["a//b"], "/paths/0"),
        (["a\u0000"], "/paths/0"),
        (["a\\b"], "/paths/0"),
        ([A, "other/a.mrc"], "/paths/1"),
        ([], "/paths"),
        ([""], "/paths/0"),
    ],
)
async def test_a_bad_path_is_named_and_nothing_is_stored(
    broker: Running, paths: list[str], pointer: str
) -> None:
    mine = await lab(broker, "one", 1001)
    reply = await mine.member.post(imports(mine), {"root": "one", "paths": paths})
    reply.problem(422, "invalid_input")
    assert reply.pointers() == [pointer]
    assert (await mine.member.get(imports(mine))).expect(200)["items"] == []


async def test_a_name_that_is_taken_is_named_and_nothing_is_stored(broker: Running) -> None:
    mine = await lab(broker, "one", 1001)
    (await bring(mine.member, imports(mine), A)).expect(201)
    reply = await bring(mine.member, imports(mine), B, "elsewhere/a.mrc")
    reply.problem(409, "name_taken")
    assert reply.pointers() == ["/paths/1"]
    assert len((await mine.member.get(imports(mine))).expect(200)["items"]) == 1


async def test_a_public_root_is_imported_by_whoever_may_write_there(broker: Running) -> None:
    mine = await lab(broker, "one", 1001)
    await root(broker, "ref", public=True, access={"one-member": "downloader"})
    await bind(broker, mine.project, "ref")
    (await bring(mine.member, imports(mine), root="ref")).problem(403, "forbidden")
