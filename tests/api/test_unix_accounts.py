"""Execution accounts over HTTP: set by managers, one for each lab, never root's."""

import asyncio
from typing import Any

from tests.api.test_teams import team
from tests.support.http import Http
from tests.support.running import Running

LAB = {"uid": 2_000, "gid": 2_000}


async def runs(http: Http, name: str) -> tuple[Any, str]:
    found = (await http.get(f"/v1/accounts/{name}/unix")).expect(200)
    return found["runs_as"] and (found["runs_as"]["uid"], found["runs_as"]["gid"]), found["why"]


async def test_rule_C5_a_lab_has_one_uid_and_gid_and_an_account_may_have_its_own(
    broker: Running,
) -> None:
    ann, bob = await broker.client("ann"), await broker.client("bob")
    await team(broker.admin, "lab", "ann", "bob")
    assert await runs(ann, "ann") == (None, "nothing is set: the host's default")
    (await broker.admin.put("/v1/teams/lab/unix", LAB)).expect(200)
    for http, name in ((ann, "ann"), (bob, "bob")):
        assert await runs(http, name) == ((2_000, 2_000), "set for its team")
    assert (await ann.get("/v1/teams/lab/unix")).expect(200)["own"]["uid"] == 2_000
    (await broker.admin.put("/v1/accounts/bob/unix", {"uid": 2_001, "gid": 2_000})).expect(200)
    assert await runs(bob, "bob") == ((2_001, 2_000), "set for the account")
    await team(broker.admin, "other", "ann")
    (await broker.admin.put("/v1/teams/other/unix", {"uid": 3_000, "gid": 3_000})).expect(200)
    assert (await runs(ann, "ann"))[0] is None  # two labs: the project or the data must tell
    (await broker.admin.delete("/v1/teams/lab/accounts/ann")).expect(204)
    assert (await runs(ann, "ann"))[0] == (3_000, 3_000)
    (await broker.admin.delete("/v1/teams/other/unix")).expect(204)
    (await broker.admin.delete("/v1/teams/other/unix")).problem(404, "not_found")
    assert (await runs(ann, "ann"))[0] is None


async def test_rule_C5_two_labs_share_a_uid_only_if_both_say_so(broker: Running) -> None:
    for name in ("lab-a", "lab-b"):
        await team(broker.admin, name)
    (await broker.admin.put("/v1/teams/lab-a/unix", LAB)).expect(200)
    for body in (LAB, {**LAB, "shared": True}, {"uid": 2_000, "gid": 9}):
        reply = await broker.admin.put("/v1/teams/lab-b/unix", body)
        reply.problem(422, "invalid_input")
        assert reply.pointers() == ["/uid"]
    (await broker.admin.put("/v1/teams/lab-a/unix", {**LAB, "shared": True})).expect(200)
    (await broker.admin.put("/v1/teams/lab-b/unix", LAB)).problem(422, "invalid_input")
    (await broker.admin.put("/v1/teams/lab-b/unix", {**LAB, "shared": True})).expect(200)
    # neither can take it for itself while the other has it
    (await broker.admin.put("/v1/teams/lab-a/unix", LAB)).problem(422, "invalid_input")
    (await broker.admin.delete("/v1/teams/lab-b")).expect(204)
    (await broker.admin.put("/v1/teams/lab-a/unix", LAB)).expect(200)


async def test_of_two_labs_that_want_one_uid_at_once_one_gets_it(broker: Running) -> None:
    names = [f"lab-{n}" for n in range(6)]
    for name in names:
        await team(broker.admin, name)
    replies = await asyncio.gather(
        *(broker.admin.put(f"/v1/teams/{name}/unix", LAB) for name in names)
    )
    assert sorted(reply.status for reply in replies) == [200] + [422] * 5


async def test_root_and_other_strange_ids_are_refused(broker: Running) -> None:
    await broker.client("ann")
    for body, pointer in (
        ({"uid": 0, "gid": 5}, "/uid"),
        ({"uid": 5, "gid": 0}, "/gid"),
        ({"uid": -1, "gid": 5}, "/uid"),
        ({"uid": 2**31, "gid": 5}, "/uid"),
        ({"uid": 5}, "/gid"),
        ({"uid": 5, "gid": 5, "name": "x"}, "/name"),
    ):
        reply = await broker.admin.put("/v1/accounts/ann/unix", body)
        reply.problem(422, "invalid_input")
        assert reply.pointers() == [pointer]


async def test_only_managers_set_it_and_others_see_only_their_own(broker: Running) -> None:
    ann, bob = await broker.client("ann"), await broker.client("bob")
    await team(broker.admin, "lab", "ann")
    (await ann.put("/v1/accounts/ann/unix", LAB)).problem(403, "forbidden")
    (await ann.put("/v1/teams/lab/unix", LAB)).problem(403, "forbidden")
    (await ann.get("/v1/accounts/ann/unix")).expect(200)
    (await bob.get("/v1/accounts/ann/unix")).problem(403, "forbidden")
    (await broker.admin.put("/v1/accounts/ann/unix", LAB)).expect(200)
    (await broker.admin.delete("/v1/accounts/ann")).expect(200)
    assert (await broker.admin.get("/v1/accounts/ann/unix")).expect(200)["own"] is None
    (await broker.admin.put("/v1/accounts/ann/unix", LAB)).problem(409, "conflict")
