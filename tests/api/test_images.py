"""The catalogue of images over HTTP."""

from typing import Any

import pytest

from tests.api.scene import submit
from tests.support.http import Http
from tests.support.running import SLEEP, Running

IMAGES = "/v1/images"
BODY = {"name": "relion", "path": "registry.example.org:5000/em/relion"}
DIGEST = "sha256:" + "ab" * 32


async def image(admin: Http, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = (await admin.post(IMAGES, {**BODY, "digest": DIGEST, **more})).expect(
        201
    )
    return made


async def test_rule_T13_everyone_views_and_copies_managers_edit(broker: Running) -> None:
    made = await image(broker.admin, categories=["cryo-em"])
    ann = await broker.client("ann")
    assert (await ann.get(f"{IMAGES}/relion")).expect(200) == made
    assert (await ann.get(IMAGES)).expect(200)["items"] == [made]
    assert made["path"] == BODY["path"]
    for reply in (
        await ann.post(IMAGES, {**BODY, "name": "mine", "digest": DIGEST}),
        await ann.patch(f"{IMAGES}/relion", {"categories": []}),
        await ann.delete(f"{IMAGES}/relion"),
    ):
        reply.problem(403, "forbidden")
    (await broker.anonymous.get(f"{IMAGES}/relion")).problem(401, "unauthenticated")
    changed = await broker.admin.patch(f"{IMAGES}/{made['id']}", {"categories": ["em", "gpu"]})
    assert changed.expect(200)["categories"] == ["em", "gpu"]
    assert (await ann.get(f"{IMAGES}?category=gpu")).expect(200)["items"] == [changed.json]
    assert (await ann.get(f"{IMAGES}?category=cryo-em")).expect(200)["items"] == []
    (await broker.admin.delete(f"{IMAGES}/relion")).expect(204)
    (await ann.get(f"{IMAGES}/relion")).problem(404, "not_found")


async def test_an_image_can_be_kept_from_others(broker: Running) -> None:
    ann, bob = await broker.client("ann"), await broker.client("bob")
    made = await image(broker.admin, entries=[{"principal": "ann", "roles": ["reader"]}])
    assert (await ann.get(f"{IMAGES}/relion")).expect(200) == made
    (await bob.get(f"{IMAGES}/relion")).problem(404, "not_found")
    assert (await bob.get(IMAGES)).expect(200)["items"] == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("digest", "sha256:ab"),
        ("digest", "sha256:" + "AB" * 32),
        ("digest", "md5:" + "ab" * 32),
        ("path", "-x"),
        ("path", "reg istry/x"),
        ("path", "registry/x@sha256:1"),
        ("name", "Relion"),
        ("categories", ["A b"]),
    ],
)
async def test_a_bad_field_is_named(broker: Running, field: str, value: object) -> None:
    reply = await broker.admin.post(IMAGES, {**BODY, "digest": DIGEST, field: value})
    reply.problem(422, "invalid_input")
    assert reply.pointers()[0].startswith(f"/{field}")
    assert (await broker.admin.get(IMAGES)).expect(200)["items"] == []


async def test_two_managers_do_not_overwrite_each_other(broker: Running) -> None:
    await image(broker.admin)
    headers = (await broker.admin.get(f"{IMAGES}/relion")).headers
    tag = {name.lower(): value for name, value in headers.items()}["etag"]
    match = {"If-Match": tag}
    (await broker.admin.patch(f"{IMAGES}/relion", {"categories": ["a"]}, headers=match)).expect(200)
    late = await broker.admin.patch(f"{IMAGES}/relion", {"categories": ["b"]}, headers=match)
    late.problem(412, "precondition_failed")


# -- in app versions ------------------------------------------------------------------------

CONTAINED = {**SLEEP, "executor": "container", "image": "relion"}
VERSIONS = "/v1/apps/em/versions"


async def test_a_version_gets_the_digest_of_its_image_when_it_is_published(
    broker: Running,
) -> None:
    await image(broker.admin)
    (await broker.admin.post("/v1/apps", {"name": "em"})).expect(201)
    body = {"spec": CONTAINED, "publish": False}
    draft = (await broker.admin.post(VERSIONS, body)).expect(201)
    assert draft["spec"]["image_reference"] == f"{BODY['path']}@{DIGEST}"
    newer = "sha256:" + "cd" * 32
    (await broker.admin.patch(f"{IMAGES}/relion", {"digest": newer})).expect(200)
    published = (await broker.admin.post(f"{VERSIONS}/1:publish")).expect(200)
    assert published["spec"]["image_reference"] == f"{BODY['path']}@{newer}"
    # from then on it keeps what it has
    (await broker.admin.patch(f"{IMAGES}/relion", {"digest": DIGEST})).expect(200)
    assert (await broker.admin.get(f"{VERSIONS}/1")).expect(200) == published
    forged = {**CONTAINED, "image_reference": "evil@" + DIGEST}
    made = (await broker.admin.post(VERSIONS, {"spec": forged})).expect(201)
    assert made["spec"]["image_reference"] == f"{BODY['path']}@{DIGEST}"


async def test_an_image_that_a_version_names_is_not_deleted(broker: Running) -> None:
    await image(broker.admin)
    (await broker.admin.post("/v1/apps", {"name": "em"})).expect(201)
    body = {"spec": CONTAINED, "publish": False}
    (await broker.admin.post(VERSIONS, body)).expect(201)
    (await broker.admin.delete(f"{IMAGES}/relion")).problem(409, "conflict")
    (await broker.admin.patch(f"{VERSIONS}/1", {"spec": SLEEP})).expect(200)
    (await broker.admin.delete(f"{IMAGES}/relion")).expect(204)


async def test_an_image_that_is_unknown_or_unseen_is_named(broker: Running) -> None:
    await image(broker.admin, name="secret", entries=[])
    await broker.app("em")
    ann = await broker.client("ann", apps={"em": {"admin": True}})
    said = []
    for name in ("secret", "nosuch"):
        reply = await ann.post(VERSIONS, {"spec": {**CONTAINED, "image": name}})
        reply.problem(422, "invalid_input")
        assert reply.pointers() == ["/spec/image"]
        said.append(reply.json["detail"].replace(name, "it"))
    assert said[0] == said[1]
    reply = await broker.admin.post(VERSIONS, {"spec": {**CONTAINED, "executor": "process"}})
    reply.problem(422, "invalid_input")
    assert reply.pointers() == ["/spec/image"]


async def test_a_lease_carries_the_reference_of_the_image(broker: Running) -> None:
    await image(broker.admin)
    await broker.app("em", CONTAINED)
    await submit(broker.admin, app="em")
    reply = await (await broker.agent()).poll()
    (spec,) = reply["versions"].values()
    assert spec["image_reference"] == f"{BODY['path']}@{DIGEST}"
