"""Apps that lie in projects, folders and workspaces: named, seen, run and deleted there."""

from typing import Any

from broker.config import Settings
from broker.protocol.nodes import Role
from tests.api.scene import job_of, put_output, scientist, submit
from tests.support.http import Http
from tests.support.places import folder, project, share
from tests.support.running import SLEEP, Running

ROLES = {
    "rd": Role.READER,
    "ex": Role.EXECUTOR,
    "ed": Role.EDITOR,
    "wr": Role.WRITER,
    "ow": Role.OWNER,
}


async def people_of(broker: Running, name: str = "lab") -> tuple[dict[str, Http], int]:
    """A project with somebody in each role."""
    people = {role: await broker.client(role) for role in ROLES}
    node = await project(broker, name, [(people[each], role) for each, role in ROLES.items()])
    return people, node


async def app(http: Http, name: str, place: str | None) -> dict[str, Any]:
    """An app with one published version."""
    made: dict[str, Any] = (await http.post("/v1/apps", {"name": name, "project": place})).expect(
        201
    )
    (await http.post(f"/v1/apps/{made['id']}/versions", {"spec": SLEEP})).expect(201)
    return made


async def names(http: Http, path: str = "/v1/apps") -> list[str]:
    return [item["handle"] for item in (await http.get(path)).expect(200)["items"]]


async def test_rule_T6_writers_and_editors_create_apps_in_a_project_and_nobody_below(
    broker: Running,
) -> None:
    people, node = await people_of(broker)
    eve = await broker.client("eve")
    for name in ("rd", "ex"):
        reply = await people[name].post("/v1/apps", {"name": "mine", "project": "lab"})
        reply.problem(403, "forbidden")
    unseen = await eve.post("/v1/apps", {"name": "mine", "project": "lab"})
    absent = await eve.post("/v1/apps", {"name": "mine", "project": "nowhere"})
    for reply in (unseen, absent):
        reply.problem(422, "invalid_input")
        assert reply.pointers() == ["/project"]
    assert unseen.content.replace(b"lab", b"nowhere") == absent.content
    for name in ("ed", "wr", "ow"):
        made = await app(people[name], f"of-{name}", f"project_{node}")
        assert (made["handle"], made["project"]) == (f"lab/of-{name}", f"project_{node}")
        (await people[name].post("/v1/apps", {"name": f"of-{name}"})).problem(403, "forbidden")


async def test_an_app_is_named_by_its_place_and_unique_there(broker: Running) -> None:
    people, node = await people_of(broker)
    ow = people["ow"]
    inside = await folder(broker, node, "methods", [])
    everywhere = await broker.app("ising")
    in_project = await app(ow, "ising", "lab")
    in_folder = await app(ow, "ising", f"folder_{inside}")
    reply = await ow.post("/v1/apps", {"name": "ising", "project": "lab"})
    reply.problem(409, "name_taken")
    handle = f"folder_{inside}/ising"
    assert in_folder["handle"] == handle
    for reference, found in (
        ("ising", everywhere["app"]),
        ("lab%2Fising", in_project["id"]),
        (f"project_{node}%2Fising", in_project["id"]),
        (f"folder_{inside}%2Fising", in_folder["id"]),
        (in_folder["id"], in_folder["id"]),
    ):
        assert (await ow.get(f"/v1/apps/{reference}")).expect(200)["id"] == found, reference
    for reference in ("lab%2Fnothing", "nowhere%2Fising", "folder_1%2Fising", "_%2F_", "a%2F%2Fb"):
        (await ow.get(f"/v1/apps/{reference}")).problem(404, "not_found")
    for reference, shown in (("ising", 404), ("lab/ising", 201), (handle, 201)):
        reply = await ow.post("/v1/batches", {"app": reference, "jobs": [{}]})
        if shown == 404:
            reply.problem(403, "forbidden")  # it is seen, but not granted
            continue
        batch = reply.expect(201)["id"]
        assert (await ow.get(f"/v1/batches/{batch}")).expect(200)["app_name"] == reference
        assert (await ow.get(f"/v1/jobs/{job_of(batch)}")).expect(200)["app_name"] == reference
    listed = (await ow.get("/v1/batches?app=lab%2Fising")).expect(200)["items"]
    assert [batch["app_name"] for batch in listed] == ["lab/ising"]


async def test_rule_T12_lists_show_apps_only_to_those_who_may_see_them(broker: Running) -> None:
    people, _ = await people_of(broker)
    eve = await scientist(broker, "eve")
    other = await project(broker, "other", [(eve, Role.OWNER)])
    await broker.app("ising")
    await app(people["wr"], "spins", "lab")
    await app(eve, "mine", "other")
    assert await names(people["rd"]) == ["lab/spins", "ising"]
    assert await names(people["rd"], "/v1/apps?project=lab") == ["lab/spins"]
    (await people["rd"].get("/v1/apps?project=other")).problem(404, "not_found")
    (await people["rd"].get("/v1/apps/other%2Fmine")).problem(404, "not_found")
    assert await names(broker.admin) == ["other/mine", "lab/spins", "ising"]
    assert await names(eve, f"/v1/apps?project=project_{other}") == ["other/mine"]


async def test_what_cannot_be_seen_is_refused_as_if_it_were_not_there(broker: Running) -> None:
    people, _ = await people_of(broker)
    eve = await broker.client("eve")
    (await people["wr"].post("/v1/apps", {"name": "empty", "project": "lab"})).expect(201)
    unseen = await eve.post("/v1/batches", {"app": "lab/empty", "jobs": [{}]})
    absent = await eve.post("/v1/batches", {"app": "lab/spare", "jobs": [{}]})
    for reply in (unseen, absent):
        reply.problem(422, "invalid_input")
        assert reply.pointers() == ["/app"]
    assert unseen.content.replace(b"empty", b"spare") == absent.content
    (await people["ex"].post("/v1/batches", {"app": "lab/empty", "jobs": [{}]})).problem(
        409, "conflict"
    )


async def test_rule_T6_a_writer_deletes_own_apps_and_an_owner_any(broker: Running) -> None:
    people, _ = await people_of(broker)
    await app(people["ed"], "of-ed", "lab")
    await app(people["wr"], "of-wr", "lab")
    await app(people["ow"], "of-ow", "lab")
    for name, target in (("ed", "of-ed"), ("ex", "of-wr"), ("wr", "of-ow"), ("wr", "of-ed")):
        (await people[name].delete(f"/v1/apps/lab%2F{target}")).problem(403, "forbidden")
    (await people["wr"].delete("/v1/apps/lab%2Fof-wr")).expect(204)
    (await people["ow"].delete("/v1/apps/lab%2Fof-ed")).expect(204)
    assert await names(people["rd"]) == ["lab/of-ow"]


async def test_a_deleted_app_takes_no_jobs_and_what_was_run_with_it_stays(
    broker: Running,
) -> None:
    people, _ = await people_of(broker)
    wr, rd = people["wr"], people["rd"]
    made = await app(wr, "spins", "lab")
    batch = await submit(wr, app="lab/spins", project="lab")
    (await wr.delete("/v1/apps/lab%2Fspins")).expect(204)
    for reference in ("lab/spins", made["id"]):
        reply = await wr.post("/v1/batches", {"app": reference, "jobs": [{}]})
        reply.problem(422, "invalid_input")
        assert reply.pointers() == ["/app"]
    (await wr.get(f"/v1/apps/{made['id']}")).problem(404, "not_found")
    assert (await rd.get(f"/v1/batches/{batch}")).expect(200)["app_name"] == "lab/spins"
    assert len((await rd.get("/v1/jobs")).expect(200)["items"]) == 1
    agent = await broker.agent()
    (lease,) = await agent.leases()
    assert await agent.report([lease]) == ["ok"]
    # the name is free again, and means the new app
    again = await app(wr, "spins", "lab")
    assert again["id"] != made["id"]
    assert (await wr.post("/v1/batches", {"app": "lab/spins", "jobs": [{}]})).status == 201


async def test_rule_B7_admin_all_apps_is_admin_of_apps_in_projects_too(broker: Running) -> None:
    people, _ = await people_of(broker)
    await app(people["wr"], "spins", "lab")
    keeper = await broker.client("keeper", admin_all_apps=True)
    (await keeper.post("/v1/apps/lab%2Fspins/versions", {"spec": SLEEP})).expect(201)
    (await keeper.post("/v1/apps/lab%2Fspins/versions/1:deprecate")).expect(200)
    (await keeper.get("/v1/apps/lab%2Fspins/history")).expect(200)
    (await keeper.delete("/v1/apps/lab%2Fspins")).expect(204)


async def test_an_app_of_a_project_has_no_privileges_of_its_own_until_it_has_a_list(
    broker: Running,
) -> None:
    people, node = await people_of(broker)
    await app(people["wr"], "spins", "lab")
    eve = await broker.client("eve")
    path = "/v1/apps/lab%2Fspins/privileges/eve"
    (await people["wr"].put(path, {"submit": True})).problem(403, "forbidden")
    (await people["ow"].put(path, {"submit": True})).problem(409, "conflict")
    (await eve.get("/v1/apps/lab%2Fspins")).problem(404, "not_found")
    await share(broker, node, [(people["ow"], Role.OWNER), (eve, Role.EXECUTOR)])
    await submit(eve, app="lab/spins")


async def test_an_app_of_ones_own_lies_in_the_workspace(broker: Running) -> None:
    ann, bob = await broker.client("ann"), await broker.client("bob")
    world = broker.services.access.world
    home = next(
        f"workspace_{each.workspace_id}" for each in world.accounts.values() if each.name == "ann"
    )
    made = await app(ann, "mine", home)
    assert (made["handle"], made["project"]) == (f"{home}/mine", home)
    (await bob.get(f"/v1/apps/{made['id']}")).problem(404, "not_found")
    await submit(ann, app=f"{home}/mine")


async def test_rule_B15_outputs_of_an_app_in_a_project_are_seen_by_its_app_admin(
    broker: Running,
) -> None:
    spec = {"command": ["true"], "outputs": {"result.txt": {"required": False}}}
    await broker.app("kept", spec)
    await broker.app("other", spec)
    keeper = await broker.client("keeper", apps={"kept": {"admin": True}})
    ann = await scientist(broker)
    agent = await broker.agent()
    for name, status in (("kept", 200), ("other", 404)):
        body = {"app": name, "jobs": [{}]}
        job = job_of((await ann.post("/v1/batches", body)).expect(201)["id"])
        (lease,) = await agent.leases()
        uploaded = await put_output(agent, lease, "result.txt", b"42")
        await agent.report([lease], outputs=[uploaded])
        assert (await keeper.get(f"/v1/jobs/{job}/outputs")).status == status
        assert (await keeper.get(f"/v1/jobs/{job}/outputs/result.txt")).status == status


async def test_rule_B14_an_app_admin_aborts_any_job_of_the_app_and_of_no_other(
    broker: Running,
) -> None:
    await broker.app("kept")
    await broker.app("other")
    keeper = await broker.client("keeper", apps={"kept": {"admin": True}})
    ann = await scientist(broker)
    kept, other = await submit(ann, jobs=2, app="kept"), await submit(ann, app="other")
    (await keeper.post(f"/v1/batches/{other}:cancel")).problem(404, "not_found")
    (await keeper.post(f"/v1/jobs/{job_of(other)}:cancel")).problem(404, "not_found")
    assert (await keeper.post(f"/v1/jobs/{job_of(kept)}:cancel")).expect(200)["count"] == 1
    assert (await keeper.post(f"/v1/batches/{kept}:cancel")).expect(200)["count"] == 1
    (await keeper.post(f"/v1/batches/{kept}:rerun", {"only": "all"})).problem(403, "forbidden")


async def test_apps_of_projects_are_off_unless_the_deployment_wants_them(
    start_broker: Any,
) -> None:
    assert Settings.model_fields["project_apps"].default is False
    broker = await start_broker(project_apps=False)
    people, _ = await people_of(broker)
    reply = await people["ow"].post("/v1/apps", {"name": "mine", "project": "lab"})
    reply.problem(403, "forbidden")
    workspace = await people["ow"].post("/v1/apps", {"name": "mine", "project": "workspace_1"})
    workspace.problem(422, "invalid_input")
    (await broker.admin.post("/v1/apps", {"name": "ours", "project": "lab"})).expect(201)
    (await people["ed"].post("/v1/apps/lab%2Fours/versions", {"spec": SLEEP})).expect(201)
    (await people["ex"].post("/v1/batches", {"app": "lab/ours", "jobs": [{}]})).expect(201)
