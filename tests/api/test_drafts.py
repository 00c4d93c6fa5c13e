"""Drafts: edited and tried by those who edit the app, hidden from all others, then published."""

import asyncio
from typing import Any

import pytest

from broker.protocol.nodes import Role
from tests.support.http import Http
from tests.support.places import project
from tests.support.running import Running

SPEC: dict[str, Any] = {"command": ["true"]}
OTHER: dict[str, Any] = {
    "command": ["false", "{n}"],
    "parameters": {"n": {"type": "integer"}},
    "files": {"a/b"[2:]: "text"},
}
APP = "/v1/apps/lab%2Fising"
DRAFT = f"{APP}/versions/2"
ROLES = {
    "rd": Role.READER,
    "ex": Role.EXECUTOR,
    "ed": Role.EDITOR,
    "wr": Role.WRITER,
    "ow": Role.OWNER,
}


async def lab(broker: Running) -> dict[str, Http]:
    """A project with somebody in each role, whose app has a published version and a draft."""
    people = {name: await broker.client(name) for name in ROLES}
    await project(broker, "lab", [(people[name], role) for name, role in ROLES.items()])
    body = {"name": "ising", "project": "lab", "title": "Ising"}
    made = (await people["wr"].post("/v1/apps", body)).expect(201)
    assert (made["handle"], made["name"]) == ("lab/ising", "ising")
    (await people["wr"].post(f"{APP}/versions", {"spec": SPEC})).expect(201)
    draft = {"spec": SPEC, "publish": False}
    (await people["ed"].post(f"{APP}/versions", draft)).expect(201)
    return people


async def test_rules_T7_T8_readers_and_executors_see_and_run_published_versions_only(
    broker: Running,
) -> None:
    people = await lab(broker)
    for name, numbers in (("rd", [1]), ("ex", [1]), ("ed", [2, 1]), ("ow", [2, 1])):
        listed = (await people[name].get(f"{APP}/versions")).expect(200)["items"]
        assert [version["number"] for version in listed] == numbers, name
    for name in ("rd", "ex"):
        for path in (DRAFT, f"{DRAFT}/schema"):
            (await people[name].get(path)).problem(404, "not_found")
        for method, path in (("PATCH", DRAFT), ("POST", f"{DRAFT}:publish"), ("PATCH", APP)):
            reply = await people[name].call(method, path, {"spec": SPEC})
            assert reply.status in (403, 422), (name, path)
    body = {"app": "lab/ising", "jobs": [{}]}
    (await people["ex"].post("/v1/batches", body)).expect(201)
    (await people["rd"].post("/v1/batches", body)).problem(403, "forbidden")
    draft = await people["ex"].post("/v1/batches", {**body, "version": 2})
    absent = await people["ex"].post("/v1/batches", {**body, "version": 3})
    for reply in (draft, absent):
        reply.problem(422, "invalid_input")
        assert reply.pointers() == ["/version"]
    assert draft.content.replace(b"version 2", b"version 3") == absent.content


async def test_rule_T6_a_writer_creates_edits_publishes_and_runs(broker: Running) -> None:
    wr = (await lab(broker))["wr"]
    (await wr.patch(APP, {"description": "Spins."})).expect(200)
    edited = (await wr.patch(DRAFT, {"spec": OTHER})).expect(200)
    assert edited["spec"]["command"] == OTHER["command"]
    assert (await wr.get(DRAFT)).expect(200) == edited
    published = (await wr.post(f"{DRAFT}:publish")).expect(200)
    assert (published["state"], published["spec"]) == ("published", edited["spec"])
    assert published["published_at"]
    assert (await wr.get(APP)).expect(200)["latest_version"] == 2
    body = {"app": "lab/ising", "project": "lab", "jobs": [{"parameters": {"n": 3}}]}
    batch = (await wr.post("/v1/batches", body)).expect(201)["id"]
    assert (await wr.get(f"/v1/batches/{batch}")).expect(200)["version_number"] == 2


async def test_a_published_version_never_changes(broker: Running) -> None:
    ow = (await lab(broker))["ow"]
    (await ow.patch(f"{APP}/versions/1", {"spec": OTHER})).problem(409, "conflict")
    (await ow.post(f"{APP}/versions/1:deprecate")).expect(200)
    (await ow.patch(f"{APP}/versions/1", {"spec": OTHER})).problem(409, "conflict")
    found = (await ow.get(f"{APP}/versions/1")).expect(200)
    assert found["spec"]["command"] == SPEC["command"]
    assert None not in (found["deprecated_at"], found["published_at"])


async def test_a_stale_edit_of_a_draft_is_refused(broker: Running) -> None:
    ed = (await lab(broker))["ed"]
    reply = await ed.get(DRAFT)
    tag = {"If-Match": reply.headers["Etag"]}
    first = await ed.patch(DRAFT, {"spec": OTHER}, headers=tag)
    first.expect(200)
    (await ed.patch(DRAFT, {"spec": SPEC}, headers=tag)).problem(412, "precondition_failed")
    assert first.headers["Etag"] == (await ed.get(DRAFT)).headers["Etag"]
    stale = await ed.patch(APP, {"title": "x"}, headers={"If-Match": '"stale"'})
    stale.problem(412, "precondition_failed")


async def test_a_draft_is_tried_by_those_who_edit_it_and_keeps_its_spec_from_then_on(
    broker: Running,
) -> None:
    people = await lab(broker)
    ed = people["ed"]
    (await ed.patch(DRAFT, {"spec": OTHER})).expect(200)
    body = {"app": "lab/ising", "version": 2, "jobs": [{"parameters": {"n": 1}}]}
    batch = (await ed.post("/v1/batches", body)).expect(201)["id"]
    (await ed.patch(DRAFT, {"spec": SPEC})).problem(409, "conflict")
    assert (await ed.get(DRAFT)).expect(200)["spec"]["command"] == OTHER["command"]
    newest = (await ed.post("/v1/batches", {"app": "lab/ising", "jobs": [{}]})).expect(201)["id"]
    assert (await ed.get(f"/v1/batches/{newest}")).expect(200)["version_number"] == 1
    (await ed.post(f"/v1/batches/{batch}:rerun", {"only": "all"})).expect(201)


async def test_a_trial_that_was_refused_leaves_the_draft_to_be_edited(broker: Running) -> None:
    ed = (await lab(broker))["ed"]
    body = {"app": "lab/ising", "version": 2, "jobs": [{"parameters": {"n": 1}}]}
    (await ed.post("/v1/batches", body)).problem(422, "invalid_input")
    (await ed.patch(DRAFT, {"spec": OTHER})).expect(200)
    (await ed.post("/v1/batches?dry_run=true", body)).expect(200)
    (await ed.patch(DRAFT, {"spec": SPEC})).expect(200)


async def test_a_broker_that_remembers_a_draft_runs_no_spec_that_it_lost(
    broker: Running, start_broker: Any
) -> None:
    ed = (await lab(broker))["ed"]
    there = Http((await start_broker()).url, ed.session, ed.token)
    body = {"app": "lab/ising", "version": 2, "jobs": [{}]}
    (await there.post("/v1/batches?dry_run=true", body)).expect(200)
    (await ed.patch(DRAFT, {"spec": OTHER})).expect(200)
    refused = await there.post("/v1/batches", body)
    assert refused.status in (409, 422)  # remembered, or read anew
    assert (await ed.get("/v1/batches")).expect(200)["items"] == []


async def test_of_an_edit_and_a_trial_at_once_the_trial_never_runs_another_spec(
    broker: Running,
) -> None:
    ed = (await lab(broker))["ed"]
    body = {"app": "lab/ising", "version": 2, "jobs": [{}]}
    edit, trial = await asyncio.gather(
        ed.patch(DRAFT, {"spec": OTHER}), ed.post("/v1/batches", body)
    )
    now = (await ed.get(DRAFT)).expect(200)["spec"]["command"]
    if trial.status == 201:
        assert now == SPEC["command"]
        edit.problem(409, "conflict")
    else:
        edit.expect(200)
        assert now == OTHER["command"]


async def test_rule_T9_version_history_is_for_all_and_edit_history_for_writers_and_up(
    broker: Running,
) -> None:
    people = await lab(broker)
    (await people["wr"].patch(APP, {"title": "Spins"})).expect(200)
    (await people["ed"].patch(DRAFT, {"spec": OTHER})).expect(200)
    (await people["wr"].post(f"{DRAFT}:publish")).expect(200)
    (await people["ow"].post(f"{APP}/versions/1:deprecate")).expect(200)
    for name in ROLES:
        versions = (await people[name].get(f"{APP}/versions")).expect(200)["items"]
        assert [version["state"] for version in versions] == ["published", "deprecated"]
        assert all(version["created_by"] and version["published_at"] for version in versions)
    for name in ("rd", "ex"):
        (await people[name].get(f"{APP}/history")).problem(403, "forbidden")
    edits = (await people["wr"].get(f"{APP}/history")).expect(200)["items"]
    assert [(e["kind"], e["account_name"], e["version_number"]) for e in edits] == [
        ("version_deprecated", "ow", 1),
        ("version_published", "wr", 2),
        ("version_changed", "ed", 2),
        ("changed", "wr", None),
        ("version_created", "ed", 2),
        ("version_published", "wr", 1),
        ("version_created", "wr", 1),
        ("created", "wr", None),
    ]
    assert edits[3]["changes"] == [{"field": "/title", "before": "Ising", "after": "Spins"}]
    changed = {change["field"]: change for change in edits[2]["changes"]}
    assert changed["/spec/command"]["before"] == ["true"]
    assert changed["/spec/files/b"] == {"field": "/spec/files/b", "before": None, "after": "text"}
    page = (await people["ed"].get(f"{APP}/history?limit=3")).expect(200)
    rest = (await people["ed"].get(f"{APP}/history?cursor={page['next_cursor']}")).expect(200)
    assert page["items"] + rest["items"] == edits


@pytest.mark.parametrize("spec", [{"command": []}, {"command": ["{x}"]}])
async def test_a_bad_draft_changes_nothing(broker: Running, spec: dict[str, Any]) -> None:
    ed = (await lab(broker))["ed"]
    (await ed.patch(DRAFT, {"spec": spec})).problem(422, "invalid_input")
    assert (await ed.get(DRAFT)).expect(200)["spec"]["command"] == SPEC["command"]
