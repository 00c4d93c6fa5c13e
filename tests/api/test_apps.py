"""Apps and versions: made, published, deprecated; drafts are hidden; a bad spec is named."""

import asyncio
from typing import Any

from tests.support.running import SLEEP, Running

SPEC: dict[str, Any] = {"command": ["true"]}


async def test_an_app_is_made_and_found_by_handle_and_id(broker: Running) -> None:
    ann = await broker.client("ann")
    body = {"name": "ising", "title": "Ising", "description": "Spins."}
    made = (await broker.admin.post("/v1/apps", body)).expect(201)
    assert made["latest_version"] is None
    for reference in ("ising", made["id"]):
        assert (await ann.get(f"/v1/apps/{reference}")).expect(200) == made
    (await broker.admin.post("/v1/apps", {"name": "ising"})).problem(409, "name_taken")
    (await ann.get("/v1/apps/nothing")).problem(404, "not_found")
    (await ann.get("/v1/apps/app_99999999999")).problem(404, "not_found")
    (await ann.get("/v1/apps/account_1")).problem(422, "invalid_input")


async def test_apps_are_paged(broker: Running) -> None:
    for name in "abc":
        (await broker.admin.post("/v1/apps", {"name": name})).expect(201)
    first = (await broker.admin.get("/v1/apps?limit=2")).expect(200)
    second = (await broker.admin.get(f"/v1/apps?limit=2&cursor={first['next_cursor']}")).expect(200)
    assert [app["name"] for app in first["items"] + second["items"]] == ["c", "b", "a"]


async def test_rule_B9_only_admins_create_and_deprecate_apps(broker: Running) -> None:
    await broker.app()
    ann = await broker.client("ann", submit_all_apps=True, apps={"sleep": {"admin": True}})
    (await ann.post("/v1/apps", {"name": "mine"})).problem(403, "forbidden")
    (await ann.post("/v1/apps/sleep:deprecate")).problem(403, "forbidden")


async def test_a_deprecated_app_takes_no_jobs_and_no_versions(broker: Running) -> None:
    await broker.app()
    ann = await broker.client("ann", submit_all_apps=True)
    draft = {"spec": SPEC, "publish": False}
    (await broker.admin.post("/v1/apps/sleep/versions", draft)).expect(201)
    for _ in range(2):
        deprecated = (await broker.admin.post("/v1/apps/sleep:deprecate")).expect(200)
        assert deprecated["state"] == "deprecated"
    (await ann.post("/v1/batches", {"app": "sleep", "jobs": [{}]})).problem(409, "conflict")
    (await broker.admin.post("/v1/apps/sleep/versions", {"spec": SPEC})).problem(409, "conflict")
    (await broker.admin.post("/v1/apps/sleep/versions/2:publish")).problem(409, "conflict")


async def test_rule_B12_an_app_admin_manages_versions_of_that_app(broker: Running) -> None:
    for name in ("mine", "other"):
        await broker.app(name)
    ann = await broker.client("ann", apps={"mine": {"admin": True}})
    made = (await ann.post("/v1/apps/mine/versions", {"spec": SPEC, "publish": False})).expect(201)
    assert (made["number"], made["state"]) == (2, "draft")
    published = (await ann.post("/v1/apps/mine/versions/2:publish")).expect(200)
    assert published["state"] == "published"
    assert (await ann.get("/v1/apps/mine")).expect(200)["latest_version"] == 2
    deprecated = (await ann.post("/v1/apps/mine/versions/2:deprecate")).expect(200)
    assert deprecated["state"] == "deprecated"
    assert (await ann.get("/v1/apps/mine")).expect(200)["latest_version"] == 1
    for path in ("versions", "versions/1:publish", "versions/1:deprecate"):
        reply = await ann.post(f"/v1/apps/other/{path}", {"spec": SPEC})
        reply.problem(403, "forbidden")


async def test_a_draft_is_seen_by_admins_of_the_app_only(broker: Running) -> None:
    for name in ("mine", "other"):
        await broker.app(name)
    draft = {"spec": SPEC, "publish": False}
    (await broker.admin.post("/v1/apps/mine/versions", draft)).expect(201)
    ann = await broker.client("ann", apps={"mine": {"admin": True}})
    bob = await broker.client("bob", submit_all_apps=True, apps={"other": {"admin": True}})
    for caller, numbers in ((broker.admin, [2, 1]), (ann, [2, 1]), (bob, [1])):
        listed = (await caller.get("/v1/apps/mine/versions")).expect(200)["items"]
        assert [version["number"] for version in listed] == numbers
    for path in ("/v1/apps/mine/versions/2", "/v1/apps/mine/versions/2/schema"):
        (await ann.get(path)).expect(200)
        (await bob.get(path)).problem(404, "not_found")


async def test_a_version_number_that_is_none_is_refused(broker: Running) -> None:
    await broker.app()
    for text, status in (("2", 404), ("0", 404), ("99999999999", 404), ("-1", 422), ("x", 422)):
        reply = await broker.admin.get(f"/v1/apps/sleep/versions/{text}")
        reply.expect(status)
    for number in (2, 2**31, 2**63, 10**30):
        batch = f'{{"app": "sleep", "version": {number}, "jobs": [{{}}]}}'.encode()
        (await broker.admin.post("/v1/batches", batch)).problem(422, "invalid_input")


async def test_a_version_never_goes_back(broker: Running) -> None:
    await broker.app()
    (await broker.admin.post("/v1/apps/sleep/versions/1:deprecate")).expect(200)
    (await broker.admin.post("/v1/apps/sleep/versions/1:publish")).problem(409, "conflict")
    draft = {"spec": SPEC, "publish": False}
    (await broker.admin.post("/v1/apps/sleep/versions", draft)).expect(201)
    (await broker.admin.post("/v1/apps/sleep/versions/2:deprecate")).problem(409, "conflict")


async def test_a_deprecated_version_takes_no_jobs_at_once(broker: Running) -> None:
    await broker.app()
    ann = await broker.client("ann", submit_all_apps=True)
    body = {"app": "sleep", "version": 1, "jobs": [{}]}
    (await ann.post("/v1/batches", body)).expect(201)
    (await broker.admin.post("/v1/apps/sleep/versions/1:deprecate")).expect(200)
    (await ann.post("/v1/batches", body)).problem(409, "conflict")


async def test_versions_made_at_once_get_different_numbers(broker: Running) -> None:
    (await broker.admin.post("/v1/apps", {"name": "a"})).expect(201)
    replies = await asyncio.gather(
        *(broker.admin.post("/v1/apps/a/versions", {"spec": SPEC}) for _ in range(8))
    )
    assert sorted(reply.expect(201)["number"] for reply in replies) == [*range(1, 9)]


async def test_a_spec_whose_jobs_could_not_run_is_refused(broker: Running) -> None:
    await broker.app()
    bad: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["/spec/command"]),
        ({"command": []}, ["/spec/command"]),
        ({"command": ["{x}", "{"]}, ["/spec/command/0", "/spec/command/1"]),
        ({"command": ["a"], "files": {"../x": ""}}, ["/spec/files/../x/[key]"]),
        ({"command": ["a"], "files": {"x": "a" * 1_100_000}}, ["/spec/files"]),
        (
            {"command": ["a"], "parameters": {"t": {"type": "number", "choices": ["a"]}}},
            ["/spec/parameters/t/choices"],
        ),
        ({"command": ["a"], "resources": {"gpus": -1}}, ["/spec/resources/gpus"]),
        ({"command": ["a"], "shell": True}, ["/spec/shell"]),
    ]
    for spec, pointers in bad:
        reply = await broker.admin.post("/v1/apps/sleep/versions", {"spec": spec})
        reply.problem(422, "invalid_input")
        assert reply.pointers() == pointers
    assert (await broker.admin.get("/v1/apps/sleep")).expect(200)["latest_version"] == 1


async def test_a_version_comes_back_as_it_was_made(broker: Running) -> None:
    made = await broker.app("sleep", {**SLEEP, "files": {"a.txt": "\u00e9\n\u0000"}})
    found = (await broker.admin.get("/v1/apps/sleep/versions/1")).expect(200)
    assert found == made
    assert found["spec"]["files"] == {"a.txt": "\u00e9\n\u0000"}


async def test_the_schema_of_the_parameters_is_served(broker: Running) -> None:
    await broker.app()
    ann = await broker.client("ann")
    reply = await ann.get("/v1/apps/sleep/versions/1/schema")
    assert reply.headers["Content-Type"].startswith("application/schema+json")
    properties = reply.expect(200)["properties"]
    assert properties["seconds"] == {
        "type": "number",
        "minimum": 0,
        "default": 0,
        "title": "seconds",
    }
