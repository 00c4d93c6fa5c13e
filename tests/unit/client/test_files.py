"""Downloads that prove their digest, and uploads by it."""

import hashlib
import os
from pathlib import Path

import orjson
import pytest

from broker import errors
from broker.client import AsyncClient, DigestMismatch, Interrupted

from . import samples
from .fake_broker import FakeBroker, breaks_off, hangs_up, says, serves

RAW = b"energy 1.5\n" * 1_000


def output(name: str = "energy.txt", raw: bytes = RAW) -> dict[str, object]:
    return {"name": name, "size_bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}


async def test_outputs_arrive_under_their_names(
    broker: FakeBroker, client: AsyncClient, tmp_path: Path
) -> None:
    broker.on("GET", "/v1/jobs/job_1/outputs", says(samples.page(output())))
    broker.on("GET", "/v1/jobs/job_1/outputs/energy.txt", serves(RAW))
    [path] = await client.download(1, tmp_path / "new" / "place")
    assert path.read_bytes() == RAW
    assert [p.name for p in path.parent.iterdir()] == ["energy.txt"]


async def test_wrong_bytes_leave_nothing_behind(
    broker: FakeBroker, client: AsyncClient, tmp_path: Path
) -> None:
    broker.on("GET", "/v1/jobs/job_1/outputs", says(samples.page(output())))
    broker.on("GET", "/v1/jobs/job_1/outputs/energy.txt", serves(RAW[:-1] + b"?"))
    with pytest.raises(DigestMismatch, match=r"energy\.txt"):
        await client.download(1, tmp_path)
    assert os.listdir(tmp_path) == []


async def test_a_download_that_breaks_off_is_fetched_again(
    broker: FakeBroker, client: AsyncClient, tmp_path: Path
) -> None:
    broker.on("GET", "/v1/jobs/job_1/outputs", says(samples.page(output())))
    broker.on(
        "GET",
        "/v1/jobs/job_1/outputs/energy.txt",
        breaks_off(RAW[:500], len(RAW)),
        hangs_up(),
        serves(RAW),
    )
    [path] = await client.download(1, tmp_path)
    assert path.read_bytes() == RAW


async def test_a_download_that_always_breaks_off_is_given_up(
    broker: FakeBroker, client: AsyncClient, tmp_path: Path
) -> None:
    broker.on("GET", "/v1/jobs/job_1/outputs", says(samples.page(output())))
    broker.on("GET", "/v1/jobs/job_1/outputs/energy.txt", breaks_off(RAW[:500], len(RAW)))
    with pytest.raises(Interrupted):
        await client.download(1, tmp_path)
    assert os.listdir(tmp_path) == []


async def test_what_is_there_and_right_is_not_fetched_again(
    broker: FakeBroker, client: AsyncClient, tmp_path: Path
) -> None:
    (tmp_path / "energy.txt").write_bytes(RAW)
    broker.on("GET", "/v1/jobs/job_1/outputs", says(samples.page(output())))
    await client.download(1, tmp_path)
    assert len(broker.seen) == 1


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "", ".hidden", "a/b", "a\n"])
async def test_an_output_cannot_leave_its_directory(
    broker: FakeBroker, client: AsyncClient, tmp_path: Path, name: str
) -> None:
    broker.on("GET", "/v1/jobs/job_1/outputs", says(samples.page(output(name))))
    with pytest.raises(errors.InvalidInput, match="refusing"):
        await client.download(1, tmp_path)


async def test_outputs_of_a_batch_lie_by_job_with_a_manifest(
    broker: FakeBroker, client: AsyncClient, tmp_path: Path
) -> None:
    broker.on("GET", "/v1/jobs", says(samples.page(samples.summary(12, 1), samples.summary(11, 0))))
    for number, index in ((11, 0), (12, 1)):
        raw = f"result {index}".encode()
        job = samples.job(number, index, outputs=[output("r.txt", raw)])
        broker.on("GET", f"/v1/jobs/job_{number}", says(job))
        broker.on("GET", f"/v1/jobs/job_{number}/outputs/r.txt", serves(raw))
    paths = await (await client.open_batch(7)).outputs(tmp_path)
    assert broker.seen[0].query["state"] == "succeeded"
    assert paths == {0: [tmp_path / "job_11" / "r.txt"], 1: [tmp_path / "job_12" / "r.txt"]}
    assert paths[1][0].read_text() == "result 1"
    lines = (tmp_path / "jobs.ndjson").read_bytes().splitlines()
    assert [orjson.loads(line)["parameters"] for line in lines] == [
        {"temperature": 0},
        {"temperature": 1},
    ]


async def test_the_first_failure_of_a_batch_download_is_raised_as_itself(
    broker: FakeBroker, client: AsyncClient, tmp_path: Path
) -> None:
    broker.on("GET", "/v1/jobs", says(samples.page(*(samples.summary(n, n) for n in range(40)))))
    with pytest.raises(errors.NotFound):
        await (await client.open_batch(7)).outputs(tmp_path)


async def test_small_text_travels_in_place(client: AsyncClient, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("wörter")
    assert (await client.upload(tmp_path / "a.txt")).text == "wörter"


@pytest.mark.parametrize("raw", [b"\xff\x00 no text", b"x" * 100_000], ids=["binary", "long"])
async def test_other_content_is_uploaded_by_digest(
    broker: FakeBroker, client: AsyncClient, tmp_path: Path, raw: bytes
) -> None:
    (tmp_path / "a.bin").write_bytes(raw)
    digest = hashlib.sha256(raw).hexdigest()
    broker.on("PUT", f"/v1/blobs/{digest}", hangs_up(), says(status=201))
    assert (await client.upload(tmp_path / "a.bin")).sha256 == digest
    assert broker.seen[-1].body == raw


async def test_a_file_that_is_not_there_is_invalid_input(
    client: AsyncClient, tmp_path: Path
) -> None:
    with pytest.raises(errors.InvalidInput, match=r"cannot read .*nowhere"):
        await client.upload(tmp_path / "nowhere")
