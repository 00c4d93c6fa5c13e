"""Rights as callers meet them: what is shared is seen, what is taken is gone, on every broker."""

import asyncio
from typing import Any

import pytest

from broker.domain.access import mask
from broker.errors import Unavailable
from broker.protocol.ids import NodeId, PrincipalId
from broker.protocol.nodes import DEPLOYMENT, EVERYONE, Kind, Role
from broker.services.requests.access import Access
from broker.storage import nodes
from tests.api.scene import job_of, scientist, submit
from tests.support.http import Http
from tests.support.running import Running
from tests.support.until import until


async def account_of(http: Http) -> PrincipalId:
    me = (await http.get("/v1/me")).expect(200)
    return PrincipalId(int(me["account"]["id"].removeprefix("account_")))


async def share(broker: Running, node: NodeId, entries: dict[PrincipalId, Role]) -> None:
    """Replaces an access list as if another broker had done it."""
    async with broker.services.database.transaction() as connection:
        held = {who: mask([role]) for who, role in entries.items()}
        await nodes.replace_acl(connection, node, held)
    await broker.services.access.catch_up()


async def project(broker: Running, name: str, **entries: Any) -> NodeId:
    async with broker.services.database.transaction() as connection:
        node = await nodes.create(connection, Kind.PROJECT, DEPLOYMENT, name, None)
        assert node is not None
        await connection.execute("INSERT INTO project (id) VALUES ($1)", node)
    await share(broker, node, {await account_of(http): role for http, role in entries.values()})
    return node


async def ids(http: Http, path: str) -> list[str]:
    return [item["id"] for item in (await http.get(path)).expect(200)["items"]]


async def test_rules_H2_H7_a_batch_lies_in_the_submitters_workspace(broker: Running) -> None:
    await broker.app()
    ann, bob = await scientist(broker), await scientist(broker, "bob")
    batch = await submit(ann)
    (await bob.get(f"/v1/batches/{batch}")).problem(404, "not_found")
    assert await ids(bob, "/v1/batches") == []
    assert await ids(ann, "/v1/batches") == [batch]


async def test_rules_T2_T11_a_projects_people_see_its_batches_and_end_their_own(
    broker: Running,
) -> None:
    await broker.app()
    ann, bob, eve = [await scientist(broker, name) for name in ("ann", "bob", "eve")]
    rd = await broker.client("rd")
    await project(
        broker, "shared", a=(ann, Role.EXECUTOR), b=(bob, Role.EXECUTOR), r=(rd, Role.READER)
    )
    batch = await submit(ann, project="shared")
    for who in (ann, bob, rd):
        assert await ids(who, "/v1/batches") == [batch]
        assert await ids(who, "/v1/jobs") == [job_of(batch)]
        (await who.get(f"/v1/jobs/{job_of(batch)}")).expect(200)
    (await eve.get(f"/v1/batches/{batch}")).problem(404, "not_found")
    assert await ids(eve, "/v1/jobs") == []
    (await bob.post(f"/v1/batches/{batch}:cancel")).problem(403, "forbidden")
    (await rd.get(f"/v1/jobs/{job_of(batch)}/outputs")).problem(403, "forbidden")
    (await ann.post(f"/v1/batches/{batch}:cancel")).expect(200)


async def test_submitting_needs_the_project_too(broker: Running) -> None:
    await broker.app()
    ann, bob = await scientist(broker), await scientist(broker, "bob")
    node = await project(broker, "shared", a=(ann, Role.READER))
    body = {"app": "sleep", "jobs": [{}]}
    reply = await ann.post("/v1/batches", {**body, "project": "shared"})
    reply.problem(403, "forbidden")
    assert reply.pointers() == ["/project"]
    unseen = await bob.post("/v1/batches", {**body, "project": "shared"})
    absent = await bob.post("/v1/batches", {**body, "project": "nowhere"})
    for reply in (unseen, absent):
        reply.problem(422, "invalid_input")
        assert reply.pointers() == ["/project"]
    assert unseen.content.replace(b"shared", b"nowhere") == absent.content
    await share(broker, node, {await account_of(ann): Role.EXECUTOR})
    (await ann.post("/v1/batches", {**body, "project": f"project_{node}"})).expect(201)
    (await ann.post("/v1/batches", {**body, "project": f"folder_{node}"})).problem(
        422, "invalid_input"
    )


async def test_rule_Y9_what_is_public_is_read_without_a_token(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    node = await project(broker, "public", a=(ann, Role.OWNER))
    batch = await submit(ann, project="public")
    (await broker.anonymous.get(f"/v1/batches/{batch}")).problem(401, "unauthenticated")
    await share(broker, node, {await account_of(ann): Role.OWNER, EVERYONE: Role.READER})
    assert (await broker.anonymous.get(f"/v1/batches/{batch}")).expect(200)["id"] == batch
    (await broker.anonymous.get(f"/v1/jobs/{job_of(batch)}/outputs")).problem(
        401, "unauthenticated"
    )
    (await broker.anonymous.post(f"/v1/batches/{batch}:cancel")).problem(401, "unauthenticated")
    (await broker.anonymous.get("/v1/batches/batch_999")).problem(401, "unauthenticated")


async def test_rules_Y5_H13_a_revocation_is_in_force_on_a_second_broker(
    broker: Running, start_broker: Any
) -> None:
    other = await start_broker()
    await broker.app()
    ann = await scientist(broker)
    there = Http(other.url, other.session, ann.token)
    (await there.post("/v1/batches", {"app": "sleep", "jobs": [{}]})).expect(201)
    (await broker.admin.put("/v1/accounts/ann/privileges", {})).expect(200)
    # a change is decided on the database's state: not even one passes
    (await there.post("/v1/batches", {"app": "sleep", "jobs": [{}]})).problem(403, "forbidden")

    (await broker.admin.post("/v1/accounts/ann:suspend")).expect(200)

    async def refused() -> bool:
        return (await there.get("/v1/batches")).status == 401

    async with asyncio.timeout(2):
        await until(refused)


async def test_a_broker_that_cannot_learn_of_changes_changes_nothing(
    broker: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await broker.app()
    ann = await scientist(broker)

    async def away(self: Access, connection: Any) -> None:
        raise Unavailable("away")

    # Below `catch_up`, which the daemons hold on to.
    async with broker.services.access._reading:
        monkeypatch.setattr(Access, "_read", away)
    (await ann.post("/v1/batches", {"app": "sleep", "jobs": [{}]})).expect(201)  # same epoch
    async with broker.services.database.connection() as connection:
        await connection.execute("INSERT INTO team (name) VALUES ('t')")
        await connection.execute("INSERT INTO team_member SELECT team.id, 1 FROM team")
    reply = await ann.post("/v1/batches", {"app": "sleep", "jobs": [{}]})
    reply.problem(503, "unavailable")
    assert len(await ids(ann, "/v1/batches")) == 1
    (await broker.admin.post("/v1/accounts", {"name": "new"})).problem(503, "unavailable")
