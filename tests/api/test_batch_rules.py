"""Batches in projects by role, and what nobody sees of others: over every door that shows a job."""

import asyncio
from typing import Any

import pytest

from broker.protocol.nodes import Role
from tests.api.scene import JOB_PATHS, job_of, put_output, scientist, submit, write_log
from tests.support.http import Http
from tests.support.places import project
from tests.support.running import SLEEP, Running

WRITER = {**SLEEP, "outputs": {"result.txt": {"required": False}}}
ROLES = {
    "rd": Role.READER,
    "do": Role.DOWNLOADER,
    "ex": Role.EXECUTOR,
    "ed": Role.EDITOR,
    "wr": Role.WRITER,
    "ow": Role.OWNER,
}


async def lab(broker: Running) -> dict[str, Http]:
    """A project with somebody in each role; executors and up run the app `lab/sleep`."""
    people = {name: await broker.client(name) for name in ROLES}
    await project(broker, "lab", [(people[name], role) for name, role in ROLES.items()])
    app = {"name": "sleep", "project": "lab"}
    (await people["wr"].post("/v1/apps", app)).expect(201)
    (await people["wr"].post("/v1/apps/lab%2Fsleep/versions", {"spec": WRITER})).expect(201)
    return people


async def ran(broker: Running, http: Http, **more: Any) -> str:
    """A batch of one job that wrote a log and an output."""
    batch = await submit(http, **more)
    agent = await broker.agent()
    (lease,) = await agent.leases()
    uploaded = await put_output(agent, lease, "result.txt", b"42")
    await write_log(agent, lease, b"said\n")
    await agent.report([lease], outputs=[uploaded])
    return batch


@pytest.mark.parametrize("verb", ["cancel", "rerun"])
async def test_rule_T11_all_view_owners_end_and_rerun_any_and_others_their_own(
    broker: Running, verb: str
) -> None:
    people = await lab(broker)
    mine = {
        name: await submit(people[name], app="lab/sleep", project="lab")
        for name in ("ex", "ed", "wr", "ow")
    }
    for name, owner in ((n, o) for n in ROLES for o in mine):
        (await people[name].get(f"/v1/batches/{mine[owner]}")).expect(200)
        reply = await people[name].post(f"/v1/batches/{mine[owner]}:{verb}", {"only": "all"})
        may = name == "ow" or (name == owner and name in mine)
        if not may:
            reply.problem(403, "forbidden")
            continue
        done = reply.expect(201 if verb == "rerun" else 200)
        if verb == "rerun":
            again = (await people["rd"].get(f"/v1/batches/{done['id']}")).expect(200)
            assert again["account_name"] == name


async def test_rule_T11_a_job_is_ended_by_its_submitter_or_an_owner(broker: Running) -> None:
    people = await lab(broker)
    batch = await submit(people["ex"], jobs=2, app="lab/sleep", project="lab")
    for name in ("rd", "do", "ed", "wr"):
        (await people[name].post(f"/v1/jobs/{job_of(batch)}:cancel")).problem(403, "forbidden")
    for name, job in (("ex", job_of(batch)), ("ow", job_of(batch, 1))):
        assert (await people[name].post(f"/v1/jobs/{job}:cancel")).expect(200)["count"] == 1


async def test_rules_T11_Y7_outputs_and_logs_of_a_project_follow_the_role(
    broker: Running,
) -> None:
    people = await lab(broker)
    job = job_of(await ran(broker, people["ex"], app="lab/sleep", project="lab"))
    for name in ROLES:
        status = 403 if name == "rd" else 200
        for path in ("outputs", "outputs/result.txt", "logs/stdout"):
            reply = await people[name].get(f"/v1/jobs/{job}/{path}")
            assert reply.status == status, (name, path)


@pytest.mark.parametrize("others", ["plain", "submitter", "submit_all"])
async def test_rules_B4_H7_T12_nobody_sees_the_results_of_others_by_any_door(
    broker: Running, others: str
) -> None:
    await broker.app("sleep", WRITER)
    ann = await scientist(broker)
    bob = await {
        "plain": lambda: broker.client("bob"),
        "submitter": lambda: broker.client("bob", apps={"sleep": {"submit": True}}),
        "submit_all": lambda: scientist(broker, "bob"),
    }[others]()
    batch = await ran(broker, ann)
    for method, path in JOB_PATHS:
        reply = await bob.call(method, f"/v1/jobs/{job_of(batch)}{path}")
        reply.problem(404, "not_found")
    for method, verb in (
        ("GET", ""),
        ("POST", ":cancel"),
        ("POST", ":rerun"),
        ("POST", ":unshare"),
    ):
        reply = await bob.call(
            method, f"/v1/batches/{batch}{verb}", {} if method == "POST" else None
        )
        reply.problem(404, "not_found")
    for path in ("/v1/batches", "/v1/jobs", "/v1/batches?account=ann", "/v1/jobs?app=sleep"):
        assert (await bob.get(path)).expect(200)["items"] == [], path
    (await bob.get(f"/v1/events?batch={batch}")).problem(404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/batches", {"app": "sleep", "jobs": [{}]}),
        ("POST", "/v1/apps", {"name": "new"}),
        ("POST", "/v1/apps/sleep:deprecate", None),
        ("DELETE", "/v1/apps/sleep", None),
        ("PATCH", "/v1/apps/sleep", {"title": "x"}),
        ("POST", "/v1/apps/sleep/versions", {"spec": SLEEP}),
        ("PATCH", "/v1/apps/sleep/versions/1", {"spec": SLEEP}),
        ("POST", "/v1/apps/sleep/versions/1:publish", None),
        ("POST", "/v1/apps/sleep/versions/1:deprecate", None),
        ("GET", "/v1/apps/sleep/history", None),
        ("PUT", "/v1/apps/sleep/privileges/ann", {"submit": True}),
        ("PUT", "/v1/accounts/ann/privileges", {"submit_all_apps": True}),
        ("PATCH", "/v1/accounts/ann/quota", {"quota": 9}),
    ],
)
async def test_rule_B5_an_account_without_privileges_does_no_guarded_thing(
    broker: Running, method: str, path: str, body: Any
) -> None:
    await broker.app()
    ann = await broker.client("ann")
    (await ann.call(method, path, body)).problem(403, "forbidden")


async def test_rule_B6_submit_all_apps_covers_apps_that_are_added_later(broker: Running) -> None:
    ann = await scientist(broker)
    bob = await broker.client("bob")
    await project(broker, "lab", [(bob, Role.OWNER)])
    await broker.app("later")
    (await bob.post("/v1/apps", {"name": "inside", "project": "lab"})).expect(201)
    (await bob.post("/v1/apps/lab%2Finside/versions", {"spec": SLEEP})).expect(201)
    for app in ("later", "lab/inside"):
        batch = await submit(ann, app=app)
        assert (await ann.get(f"/v1/batches/{batch}")).expect(200)["app_name"] == app
    (await bob.post("/v1/batches", {"app": "later", "jobs": [{}]})).problem(403, "forbidden")


async def test_rules_B7_B8_an_admin_of_all_apps_administers_each_and_grants_to_anyone(
    broker: Running,
) -> None:
    ann = await broker.client("ann", admin_all_apps=True)
    bob = await broker.client("bob")
    await broker.app("later")
    (await ann.post("/v1/apps/later/versions", {"spec": SLEEP})).expect(201)
    (await ann.post("/v1/apps/later/versions/1:deprecate")).expect(200)
    (await ann.put("/v1/apps/later/privileges/bob", {"submit": True})).expect(200)
    batch = await submit(bob, app="later")
    (await ann.get(f"/v1/jobs/{job_of(batch)}/outputs")).expect(200)
    assert (await ann.post(f"/v1/batches/{batch}:cancel")).expect(200)["count"] == 1
    (await ann.put("/v1/accounts/bob/privileges", {"submit_all_apps": True})).expect(200)
    (await ann.put("/v1/accounts/bob/privileges", {})).expect(200)
    (await ann.delete("/v1/apps/later/privileges/bob")).expect(204)
    (await bob.post("/v1/batches", {"app": "later", "jobs": [{}]})).problem(403, "forbidden")


async def test_rules_B9_B12_an_admin_creates_and_deprecates_apps_and_an_app_admin_versions(
    broker: Running,
) -> None:
    ann = await broker.client("ann", admin_all_apps=True)
    (await ann.post("/v1/apps", {"name": "made"})).expect(201)
    keeper = await broker.client("keeper", apps={"made": {"admin": True}})
    (await keeper.post("/v1/apps", {"name": "other"})).problem(403, "forbidden")
    (await keeper.post("/v1/apps/made/versions", {"spec": SLEEP})).expect(201)
    (await keeper.post("/v1/apps/made/versions/1:deprecate")).expect(200)
    (await keeper.post("/v1/apps/made:deprecate")).problem(403, "forbidden")
    assert (await ann.post("/v1/apps/made:deprecate")).expect(200)["state"] == "deprecated"


async def test_rule_B13_an_app_admin_gives_no_more_than_is_held_on_the_app(
    broker: Running,
) -> None:
    await broker.app("mine")
    keeper = await broker.client("keeper", apps={"mine": {"admin": True}})
    bob = await broker.client("bob")
    (await keeper.put("/v1/apps/mine/privileges/bob", {"admin": True})).expect(200)
    (await bob.put("/v1/apps/mine/privileges/keeper", {"submit": True})).expect(200)
    (await keeper.patch("/v1/apps/mine", {"title": "x"})).problem(403, "forbidden")
    await submit(keeper, app="mine")


async def test_the_edit_history_cannot_be_changed(broker: Running) -> None:
    await broker.app()
    async with broker.services.database.connection() as connection:
        for statement in ("UPDATE app_edit SET account_id = 2", "DELETE FROM app_edit"):
            with pytest.raises(Exception, match="app_edit_is_append_only"):
                await connection.execute(statement)


async def test_edits_at_once_are_all_told(broker: Running) -> None:
    await broker.app()
    titles = [f"t{number}" for number in range(6)]
    replies = await asyncio.gather(
        *(broker.admin.patch("/v1/apps/sleep", {"title": title}) for title in titles)
    )
    assert {reply.status for reply in replies} == {200}
    edits = (await broker.admin.get("/v1/apps/sleep/history")).expect(200)["items"]
    changes = [edit["changes"][0] for edit in reversed(edits) if edit["kind"] == "changed"]
    assert [change["before"] for change in changes] == ["", *[c["after"] for c in changes[:-1]]]
    assert {change["after"] for change in changes} == set(titles)
