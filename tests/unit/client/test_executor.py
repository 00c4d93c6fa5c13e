"""Futures whose work is jobs."""

from concurrent.futures import CancelledError, wait

import pytest

from broker import errors
from broker.client import Client, FairleadExecutor, JobNotSucceeded

from . import samples
from .fake_broker import FakeBroker, refuses, says

RECEIPT = {"id": "batch_7", "jobs": 3, "first_job": "job_11"}


def test_submissions_travel_together_and_resolve_by_index(
    broker: FakeBroker, blocking: Client
) -> None:
    states = {11: "succeeded", 12: "failed", 13: "succeeded"}
    broker.on("POST", "/v1/batches", says(RECEIPT, status=201))
    broker.on(
        "GET",
        "/v1/batches/batch_7",
        says(samples.batch(jobs=3, queued=2, succeeded=1)),
        says(samples.batch(jobs=3, succeeded=2, failed=1, finished=True)),
    )
    jobs = [samples.summary(n, n - 11, state) for n, state in states.items()]
    queued = [jobs[0], samples.summary(12, 1, "queued"), samples.summary(13, 2, "queued")]
    broker.on("GET", "/v1/jobs", says(samples.page(*queued)), says(samples.page(*jobs)))
    for number, state in states.items():
        broker.on("GET", f"/v1/jobs/job_{number}", says(samples.job(number, number - 11, state)))

    with FairleadExecutor(blocking, "ising", name="grid") as executor:
        futures = [executor.submit({"temperature": t}) for t in range(3)]
    assert futures[0].result().id == 11
    assert futures[2].result().id == 13
    with pytest.raises(JobNotSucceeded, match="job_12 failed") as caught:
        futures[1].result()
    assert caught.value.job.index == 1
    posts = [seen for seen in broker.seen if seen.method == "POST"]
    assert [len(post.json["jobs"]) for post in posts] == [3]
    assert posts[0].json["name"] == "grid"
    fetched = [seen.path for seen in broker.seen if seen.path.startswith("/v1/jobs/")]
    assert len(fetched) == 3  # each job once


def test_a_refused_batch_fails_its_futures(broker: FakeBroker, blocking: Client) -> None:
    broker.on("POST", "/v1/batches", refuses(errors.Forbidden("not your app")))
    with FairleadExecutor(blocking, "ising") as executor:
        futures = [executor.submit({}), executor.submit({})]
    assert all(isinstance(future.exception(), errors.Forbidden) for future in futures)


def test_what_was_not_sent_can_be_cancelled(broker: FakeBroker, blocking: Client) -> None:
    executor = FairleadExecutor(blocking, "ising")
    future = executor.submit({})
    executor.shutdown(cancel_futures=True)
    assert future.cancelled()
    with pytest.raises(CancelledError):
        future.result()
    with pytest.raises(RuntimeError, match="shut down"):
        executor.submit({})


def test_closing_the_client_fails_what_is_open(broker: FakeBroker) -> None:
    broker.on("POST", "/v1/batches", says(RECEIPT, status=201))
    broker.on("GET", "/v1/batches/batch_7", says(samples.batch(queued=1)))
    client = Client(broker.url)
    executor = FairleadExecutor(client, "ising")
    future = executor.submit({})
    next(client.watch(7))
    client.close()
    assert not wait([future], timeout=5).not_done
    assert future.cancelled() or future.exception() is not None
