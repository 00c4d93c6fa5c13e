"""Outputs and uploads over HTTP: whole, in ranges, and never outside of what was recorded."""

import base64
import hashlib
from typing import Any

import pytest

from tests.api.scene import WRITER, put_output, scientist, submit
from tests.support.http import Http
from tests.support.running import Running

CONTENT = bytes(range(256)) * 40


async def finished_job(broker: Running, content: bytes = CONTENT) -> tuple[Http, str]:
    """A scientist and a succeeded job of hers with the output result.txt."""
    await broker.app("sleep", WRITER)
    ann, agent = await scientist(broker), await broker.agent()
    await submit(ann)
    (lease,) = await agent.leases()
    uploaded = await put_output(agent, lease, "result.txt", content)
    await agent.report([lease], outputs=[uploaded])
    return ann, f"/v1/jobs/{lease['job']}/outputs"


async def test_output_is_listed_and_downloaded_as_an_attachment(broker: Running) -> None:
    ann, path = await finished_job(broker)
    digest = hashlib.sha256(CONTENT)
    page = (await ann.get(path)).expect(200)
    assert page == {
        "items": [{"name": "result.txt", "size_bytes": len(CONTENT), "sha256": digest.hexdigest()}],
        "next_cursor": None,
    }
    reply = await ann.get(f"{path}/result.txt")
    assert (reply.status, reply.content) == (200, CONTENT)
    assert reply.headers["Content-Disposition"] == 'attachment; filename="result.txt"'
    assert reply.headers["Content-Type"] == "application/octet-stream"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Etag"] == f'"{digest.hexdigest()}"'
    encoded = base64.b64encode(digest.digest()).decode()
    assert reply.headers["Repr-Digest"] == f"sha-256=:{encoded}:"
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=10000-", 10_000, 10_240),
        ("bytes=-40", 10_200, 10_240),
        ("bytes=10239-99999", 10_239, 10_240),
        ("bytes=-99999", 0, 10_240),
    ],
)
async def test_range_gives_that_part(broker: Running, asked: str, start: int, stop: int) -> None:
    ann, path = await finished_job(broker)
    reply = await ann.get(f"{path}/result.txt", headers={"Range": asked})
    assert (reply.status, reply.content) == (206, CONTENT[start:stop])
    assert reply.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(CONTENT)}"


async def test_range_beyond_the_end_is_refused_with_the_size(broker: Running) -> None:
    ann, path = await finished_job(broker)
    for asked in ("bytes=10240-", "bytes=99999-999999"):
        reply = await ann.get(f"{path}/result.txt", headers={"Range": asked})
        assert reply.status == 416
        assert reply.headers["Content-Range"] == "bytes */10240"
        assert reply.headers["Content-Type"].startswith("application/problem+json")
        assert reply.json["status"] == 416


@pytest.mark.parametrize("asked", ["bytes=5-3", "bytes=x", "lines=1-2", "bytes=0-1,5-6", "bytes=-"])
async def test_range_without_sense_gives_everything(broker: Running, asked: str) -> None:
    ann, path = await finished_job(broker)
    reply = await ann.get(f"{path}/result.txt", headers={"Range": asked})
    assert (reply.status, reply.content) == (200, CONTENT)


async def test_conditional_requests_go_by_the_digest(broker: Running) -> None:
    ann, path = await finished_job(broker)
    etag = f'"{hashlib.sha256(CONTENT).hexdigest()}"'

    async def status(**headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return (await ann.get(f"{path}/result.txt", headers=named)).status

    assert await status(If_None_Match=etag) == 304
    assert await status(If_None_Match='"other"') == 200
    assert await status(Range="bytes=0-9", If_Range=etag) == 206
    assert await status(Range="bytes=0-9", If_Range='"other"') == 200


async def test_empty_output_is_downloaded(broker: Running) -> None:
    ann, path = await finished_job(broker, b"")
    reply = await ann.get(f"{path}/result.txt")
    assert (reply.status, reply.content, reply.headers["Content-Length"]) == (200, b"", "0")
    assert (await ann.get(f"{path}/result.txt", headers={"Range": "bytes=0-"})).status == 416


@pytest.mark.parametrize(
    "name",
    [
        "other.txt",
        "..",
        "%2e%2e",
        "..%2f..%2fetc%2fpasswd",
        "%252e%252e%252fsecret",
        "result.txt%00",
        "result.txt%2f..",
        "%5c..%5cresult.txt",
        "RESULT.TXT",
        "*",
    ],
)
async def test_only_recorded_names_lead_to_a_file(broker: Running, name: str) -> None:
    from yarl import URL

    ann, path = await finished_job(broker)
    url = URL(f"{broker.url}{path}/{name}", encoded=True)
    headers = {"Authorization": f"Bearer {ann.token}"}
    async with ann.session.get(url, headers=headers) as response:
        assert response.status in (404, 405)
        assert (await response.json(content_type=None))["code"] == "not_found"


async def test_outputs_of_an_attempt_that_did_not_succeed_are_not_given(broker: Running) -> None:
    await broker.app("sleep", WRITER)
    ann, agent = await scientist(broker), await broker.agent()
    await submit(ann)
    (lease,) = await agent.leases()
    await put_output(agent, lease, "result.txt", b"half")
    path = f"/v1/jobs/{lease['job']}/outputs"
    assert (await ann.get(path)).expect(200)["items"] == []
    await agent.report([lease], "failed", exit_code=1)
    assert (await ann.get(path)).expect(200)["items"] == []
    (await ann.get(f"{path}/result.txt")).problem(404, "not_found")


async def test_app_admin_downloads_and_others_do_not(broker: Running) -> None:
    _, path = await finished_job(broker)
    keeper = await broker.client("keeper", apps={"sleep": {"admin": True}})
    submitter = await broker.client("other", apps={"sleep": {"submit": True}})
    assert (await keeper.get(f"{path}/result.txt")).content == CONTENT
    (await submitter.get(f"{path}/result.txt")).problem(404, "not_found")


async def test_content_lost_from_the_disk_is_told_as_unavailable(broker: Running) -> None:
    ann, path = await finished_job(broker)
    digest = hashlib.sha256(CONTENT).hexdigest()
    broker.services.files.content_path(digest).unlink()
    (await ann.get(f"{path}/result.txt")).problem(503, "unavailable")


# -- uploads --------------------------------------------------------------------------------


def blob_path(content: bytes) -> str:
    return f"/v1/blobs/{hashlib.sha256(content).hexdigest()}"


async def test_upload_is_kept_once_and_serves_as_input(broker: Running) -> None:
    spec: dict[str, Any] = {"command": ["true"], "inputs": {"in.bin": {}}}
    await broker.app("reader", spec)
    ann, bob = await scientist(broker), await scientist(broker, "bob")
    agent = await broker.agent()
    for _ in range(2):
        stored = (await ann.put(blob_path(CONTENT), CONTENT)).expect(201)
    digest = stored["sha256"]
    assert stored == {"sha256": hashlib.sha256(CONTENT).hexdigest(), "size_bytes": len(CONTENT)}

    body = {"app": "reader", "jobs": [{"inputs": {"in.bin": {"sha256": digest}}}]}
    (await bob.post("/v1/batches", body)).problem(422, "invalid_input")  # knowing is not having
    (await ann.post("/v1/batches", body)).expect(201)
    (lease,) = await agent.leases()
    reply = await agent.http.get(f"/v1/leases/{lease['job']}/{lease['epoch']}/inputs/in.bin")
    assert reply.content == CONTENT


async def test_upload_with_another_digest_leaves_nothing(broker: Running) -> None:
    ann = await scientist(broker)
    reply = await ann.put(blob_path(b"said"), b"sent")
    reply.problem(422, "invalid_input")
    assert reply.pointers() == ["{sha256}"]
    files = broker.services.files
    assert not files.content_path(hashlib.sha256(b"sent").hexdigest()).exists()
    assert list((files.root / "incoming").iterdir()) == []


@pytest.mark.parametrize("digest", ["abc", "A" * 64, "..%2f" + "0" * 59, "0" * 65, "g" * 64])
async def test_upload_needs_a_digest_in_its_path(broker: Running, digest: str) -> None:
    reply = await broker.admin.put(f"/v1/blobs/{digest}", b"x")
    reply.problem(422, "invalid_input")
    assert reply.pointers() == ["{sha256}"]


async def test_upload_beyond_the_limit_is_refused(
    broker: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.services.jobs.outputs.OUTPUT_BYTES_MAX", 1_000)
    (await broker.admin.put(blob_path(CONTENT), CONTENT)).problem(413, "body_too_large")
    (await broker.anonymous.put(blob_path(b"x"), b"x")).problem(401, "unauthenticated")
