"""Privileges: global ones by admins, those on an app also by its admins; in force at once."""

from tests.support.running import Running


async def test_global_privileges_are_replaced_whole(broker: Running) -> None:
    ann = await broker.client("ann", submit_all_apps=True)
    path = "/v1/accounts/ann/privileges"
    assert (await ann.get(path)).expect(200)["submit_all_apps"] is True
    wanted = {"admin_all_apps": True}
    given = (await broker.admin.put(path, wanted)).expect(200)
    assert given == {"submit_all_apps": False, "admin_all_apps": True}
    assert (await ann.get(path)).expect(200) == given


async def test_rule_B16_only_an_admin_gives_global_privileges(broker: Running) -> None:
    await broker.app()
    ann = await broker.client("ann", submit_all_apps=True, apps={"sleep": {"admin": True}})
    await broker.client("bob")
    for name in ("ann", "bob"):
        reply = await ann.put(f"/v1/accounts/{name}/privileges", {"admin_all_apps": True})
        reply.problem(403, "forbidden")
    (await ann.get("/v1/accounts/bob/privileges")).problem(403, "forbidden")


async def test_a_revocation_is_in_force_at_once(broker: Running) -> None:
    ann = await broker.client("ann", admin_all_apps=True)
    (await ann.post("/v1/accounts", {"name": "one"})).expect(201)
    (await broker.admin.put("/v1/accounts/ann/privileges", {})).expect(200)
    (await ann.post("/v1/accounts", {"name": "two"})).problem(403, "forbidden")


async def test_rule_B11_submission_follows_the_grant_on_the_app(broker: Running) -> None:
    await broker.app()
    await broker.app("other")
    ann = await broker.client("ann")
    body = {"app": "sleep", "jobs": [{}]}
    (await ann.post("/v1/batches", body)).problem(403, "forbidden")
    path = "/v1/apps/sleep/privileges/ann"
    grant = (await broker.admin.put(path, {"submit": True})).expect(200)
    assert (grant["account_name"], grant["app_name"]) == ("ann", "sleep")
    (await ann.post("/v1/batches", body)).expect(201)
    (await ann.post("/v1/batches", {**body, "app": "other"})).problem(403, "forbidden")
    (await broker.admin.delete(path)).expect(204)
    (await ann.post("/v1/batches", body)).problem(403, "forbidden")


async def test_rule_B13_an_app_admin_grants_on_that_app_only(broker: Running) -> None:
    for name in ("mine", "other"):
        await broker.app(name)
    ann = await broker.client("ann", apps={"mine": {"admin": True}})
    await broker.client("bob")
    both = {"submit": True, "admin": True}
    (await ann.put("/v1/apps/mine/privileges/bob", both)).expect(200)
    (await ann.put("/v1/apps/other/privileges/bob", both)).problem(403, "forbidden")
    (await ann.delete("/v1/apps/other/privileges/bob")).problem(403, "forbidden")
    (await ann.get("/v1/apps/other/privileges")).problem(403, "forbidden")
    listed = (await ann.get("/v1/apps/mine/privileges")).expect(200)["items"]
    assert [grant["account_name"] for grant in listed] == ["bob", "ann"]


async def test_neither_privilege_is_no_row(broker: Running) -> None:
    await broker.app()
    await broker.client("ann", apps={"sleep": {"submit": True}})
    path = "/v1/apps/sleep/privileges/ann"
    none = {"submit": False, "admin": False}
    for _ in range(2):
        assert (await broker.admin.put(path, none)).expect(200)["submit"] is False
    assert (await broker.admin.get("/v1/apps/sleep/privileges")).expect(200)["items"] == []
    (await broker.admin.delete(path)).expect(204)


async def test_grants_are_paged(broker: Running) -> None:
    await broker.app()
    for number in range(3):
        await broker.client(f"a{number}", apps={"sleep": {"submit": True}})
    path = "/v1/apps/sleep/privileges?limit=2"
    first = (await broker.admin.get(path)).expect(200)
    second = (await broker.admin.get(f"{path}&cursor={first['next_cursor']}")).expect(200)
    names = [grant["account_name"] for grant in first["items"] + second["items"]]
    assert names == ["a2", "a1", "a0"]
    assert second["next_cursor"] is None


async def test_absent_objects_are_not_found(broker: Running) -> None:
    await broker.app()
    for path in ("/v1/apps/sleep/privileges/nobody", "/v1/apps/nothing/privileges/admin"):
        (await broker.admin.put(path, {"submit": True})).problem(404, "not_found")
        (await broker.admin.delete(path)).problem(404, "not_found")
    reply = await broker.admin.put("/v1/apps/sleep/privileges/app_1", {"submit": True})
    reply.problem(422, "invalid_input")
    assert reply.pointers() == ["{account}"]
