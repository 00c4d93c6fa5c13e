"""Who may do what and why; and what is not governed by its project's list."""

from typing import Any

import pytest

from tests.api.scene import scientist, submit
from tests.api.test_project_files import put
from tests.api.test_sharing import team
from tests.api.trees import folder, names, project, share
from tests.support.http import Http
from tests.support.running import Running


async def who_can(http: Http, action: str, node: str) -> dict[str, set[tuple[str, ...]]]:
    """By name, the grounds: by way of what, who stands there, and the roles."""
    path = f"/v1/who-can?action={action}&node={node}"
    return {
        item["name"]: {
            (ground["via"], ground["principal_name"], *ground["roles"])
            for ground in item["grounds"]
        }
        for item in (await http.get(path)).expect(200)["items"]
    }


async def explain(http: Http, action: str, node: str, account: str | None = None) -> Any:
    who = "" if account is None else f"&account={account}"
    return (await http.get(f"/v1/explain-access?action={action}&node={node}{who}")).expect(200)


async def test_everybody_who_may_is_listed_with_the_grounds(broker: Running) -> None:
    ann, _, eve, _ = [await broker.client(name) for name in ("ann", "bob", "eve", "gone")]
    await team(broker, "lab", "bob", "eve")
    await project(ann, "p")
    await share(ann, "p", "team:lab", "downloader")
    await share(ann, "p", "bob", "reader")
    await share(ann, "p", "gone", "owner")
    (await broker.admin.post("/v1/accounts/gone:suspend")).expect(200)
    assert await who_can(ann, "file.download", "p") == {
        "admin": {("global", "admin", "manager")},
        "ann": {("acl", "ann", "owner")},
        "bob": {("acl", "lab", "downloader")},
        "eve": {("acl", "lab", "downloader")},
    }
    seeing = await who_can(ann, "project.view", "p")
    assert seeing["bob"] == {("acl", "lab", "downloader"), ("acl", "bob", "reader")}
    await share(ann, "p", "everyone", "reader")
    assert (await who_can(ann, "node.view", "p"))["everyone"] == {("acl", "everyone", "reader")}
    assert (await who_can(ann, "node.view", "p"))["registered"] == {("acl", "everyone", "reader")}
    for http, status in ((eve, 403), (broker.anonymous, 401)):
        assert (await http.get("/v1/who-can?action=project.view&node=p")).status == status


async def test_the_list_comes_in_pages(broker: Running) -> None:
    ann = await broker.client("ann")
    await project(ann, "p")
    await share(ann, "p", "registered", "reader")
    await share(ann, "p", "everyone", "reader")
    found: list[str] = []
    cursor = ""
    while True:
        path = f"/v1/who-can?action=project.view&node=p&limit=1{cursor}"
        page = (await ann.get(path)).expect(200)
        found += [item["name"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert found == ["everyone", "registered", "ann", "admin"]


async def test_rules_B14_B15_an_apps_admins_are_found_on_its_batches(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    keeper = await broker.client("keeper", apps={"sleep": {"admin": True}})
    batch = await submit(ann)
    found = await who_can(ann, "batch.terminate", batch)
    assert found["keeper"] == {("app", "keeper", "app_admin")}
    assert found["ann"] == {("acl", "ann", "owner")}
    said = await explain(keeper, "batch.output", batch)
    assert said["allowed"]
    (ground,) = said["grounds"]
    assert ground["node"].startswith("app_")


async def test_a_decision_is_explained_by_its_grants_or_by_what_is_missing(
    broker: Running,
) -> None:
    ann, bob = await broker.client("ann"), await broker.client("bob")
    await team(broker, "lab", "bob")
    await project(ann, "p")
    await share(ann, "p", "team:lab", "writer")
    node = await folder(ann, "p", "f")
    said = await explain(bob, "folder.create", node["id"])
    assert (said["allowed"], said["missing"]) == (True, None)
    assert said["benefactor_id"] == node["benefactor_id"]
    (ground,) = said["grounds"]
    assert (ground["principal_name"], ground["roles"]) == ("lab", ["writer"])
    assert ground["node"] == node["benefactor_id"]
    assert (await explain(bob, "share", "p"))["missing"] == (
        "holds writer here; needs one of the roles: owner or app_admin or manager"
    )
    own = await explain(bob, "node.delete", node["id"])
    assert (own["action"], own["allowed"]) == ("folder.delete", False)
    assert "made oneself" in own["missing"]
    mine = await folder(bob, "p", "g")
    assert (await explain(bob, "folder.delete", mine["id"]))["allowed"]


async def test_others_are_explained_to_those_who_audit(broker: Running) -> None:
    ann, bob, eve = [await broker.client(name) for name in ("ann", "bob", "eve")]
    await project(ann, "p")
    await share(ann, "p", "bob", "reader")
    assert (await explain(ann, "project.view", "p", "bob"))["allowed"]
    nothing = await explain(ann, "project.view", "p", "eve")
    assert nothing["missing"].startswith("holds nothing here")
    assert (await explain(bob, "project.view", "p", "bob"))["allowed"]
    path = "/v1/explain-access?action=project.view&node=p"
    (await bob.get(f"{path}&account=eve")).problem(403, "forbidden")
    (await eve.get(path)).problem(404, "not_found")
    (await broker.anonymous.get(path)).problem(401, "unauthenticated")
    (await broker.admin.post("/v1/accounts/bob:suspend")).expect(200)
    assert "suspended" in (await explain(ann, "project.view", "p", "bob"))["missing"]


@pytest.mark.parametrize("query", ["action=fly", "action=node.edit", "action="])
async def test_an_unknown_action_is_named(broker: Running, query: str) -> None:
    for path in ("/v1/who-can", "/v1/explain-access"):
        reply = await broker.admin.get(f"{path}?{query}&node=pool:default")
        reply.problem(422, "invalid_input")
        assert reply.pointers() == ["?action"]


async def test_rules_Y11_Y12_Y13_the_audit_finds_what_its_project_does_not_govern(
    broker: Running,
) -> None:
    await broker.app()
    ann, bob = await scientist(broker), await broker.client("bob")
    audit = "/v1/audit/benefactors"
    for name in ("p", "q"):
        await project(ann, name)
        await folder(ann, name, "plain")
    private = (await folder(ann, "p", "private"))["id"]
    inside = (await put(ann, private, "inside", b"x"))["id"]
    file = (await put(ann, "q", "file", b"x"))["id"]
    batch = await submit(ann, project="q", name="run")
    assert await names(ann, audit) == []
    for node in (private, file, batch):
        (await ann.post(f"/v1/nodes/{node}:override", {})).expect(200)
    found = (await ann.get(audit)).expect(200)["items"]
    assert {item["id"]: item["benefactor_id"] for item in found} == {
        private: private,
        inside: private,
        file: file,
        batch: batch,
    }
    assert await names(ann, f"{audit}?kind=file") == ["file", "inside"]
    assert await names(ann, f"{audit}?project=p") == ["inside", "private"]
    assert await names(ann, f"{audit}?kind=batch") == ["run"]
    assert await names(bob, audit) == []
    (await bob.get(f"{audit}?project=p")).problem(404, "not_found")
    assert set(await names(broker.admin, audit)) == {"private", "inside", "file", "run"}
    await share(ann, "q", "bob", "owner")  # another project's owner audits that one
    assert set(await names(bob, audit)) == {"file", "run"}
    (await ann.post(f"/v1/nodes/{private}:restore")).expect(200)
    assert set(await names(ann, audit)) == {"file", "run"}
