"""Looking at jobs and batches, waiting for them, ending them, fetching what they wrote."""

import hashlib
import json
from pathlib import Path
from typing import Any

from .conftest import Fairlead, samples, says, serves, streams


def test_lists_are_tab_separated_in_a_pipe_and_lines_of_json_on_demand(
    broker: Any, fairlead: Fairlead
) -> None:
    page = samples.page(samples.summary(5), samples.summary(4, name="[red]\tx"))
    broker.on("GET", "/v1/jobs", says(page))
    heading, first, second = fairlead("jobs", "--batch", "7", "--state", "failed").stdout.split(
        "\n"
    )[:3]
    assert heading.split("\t")[:3] == ["id", "batch", "name"]
    assert first.split("\t")[0] == "job_5"
    assert second.split("\t")[2] == "[red] x"
    assert broker.seen[0].query == {"batch": "batch_7", "state": "failed", "limit": "50"}
    lines = fairlead("jobs", "--json").stdout.splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["job_5", "job_4"]


def test_ids_without_a_prefix_only_where_one_kind_is_meant(broker: Any, fairlead: Fairlead) -> None:
    explanation = {
        "job": "job_9",
        "state": "queued",
        "reason": "over_entitlement",
        "sentence": "Your account holds its share.",
        "numbers": {"held_slots": 4, "due_slots": 2.5},
    }
    broker.on("GET", "/v1/jobs/job_9/explain", says(explanation))
    run = fairlead("why", "9")
    assert run.stdout == "Your account holds its share.\nheld slots\t4\ndue slots\t2.5\n"
    assert fairlead("show", "9").exit_code == 2
    assert fairlead("why", "batch_9").exit_code == 2
    assert fairlead("cancel", "_9").exit_code == 2


def test_cancel_says_how_many(broker: Any, fairlead: Fairlead) -> None:
    broker.on("POST", "/v1/batches/batch_7:cancel", says({"count": 3}))
    broker.on("POST", "/v1/jobs/job_9:cancel", says({"count": 1}))
    run = fairlead("cancel", "batch_7", "job_9")
    assert run.stdout == "batch_7: 3 jobs cancelled\njob_9: 1 job cancelled\n"


def test_logs_follow_to_the_end(broker: Any, fairlead: Fairlead) -> None:
    piece = 'event: data\ndata: {"text": "step 1\\n"}\n\n'
    broker.on("GET", "/v1/jobs/job_9/logs/stderr", streams(piece, "event: end\ndata:\n\n"))
    run = fairlead("logs", "9", "-f", "--stderr")
    assert (run.exit_code, run.stdout) == (0, "step 1\n")


def test_watch_prints_each_change_and_ends_with_the_batch(broker: Any, fairlead: Fairlead) -> None:
    broker.on(
        "GET",
        "/v1/batches/batch_7",
        says(samples.batch(jobs=2, running=2)),
        says(samples.batch(jobs=2, succeeded=1, failed=1, finished=True)),
    )
    run = fairlead("watch", "7")
    assert (run.exit_code, run.stdout) == (1, "0%\t2 running\n100%\t1 succeeded, 1 failed\n")


def test_wait_for_a_job_looks_when_its_batch_changes(broker: Any, fairlead: Fairlead) -> None:
    broker.on(
        "GET",
        "/v1/jobs/job_9",
        says(samples.job(9, state="running")),
        says(samples.job(9, state="failed", exit_code=5)),
    )
    broker.on("GET", "/v1/batches/batch_7", says(samples.batch(jobs=2, running=2)))
    run = fairlead("wait", "job_9")
    assert (run.exit_code, run.stderr) == (5, "job_9: failed\n")


def test_wait_gives_up_at_its_timeout(broker: Any, fairlead: Fairlead) -> None:
    broker.on("GET", "/v1/batches/batch_7", says(samples.batch(queued=1)))
    broker.on("GET", "/v1/jobs/job_9", says(samples.job(9, state="running")))
    assert fairlead("wait", "batch_7", "--timeout", "0.05").exit_code == 11
    run = fairlead("wait", "job_9", "--timeout", "0.05")
    assert (run.exit_code, run.stderr) == (11, "fairlead: the time given is over\n")


def test_outputs_of_a_job_are_downloaded(broker: Any, fairlead: Fairlead, tmp_path: Path) -> None:
    digest = hashlib.sha256(b"1.5").hexdigest()
    output = {"name": "e.txt", "size_bytes": 3, "sha256": digest}
    broker.on("GET", "/v1/jobs/job_9/outputs", says(samples.page(output)))
    broker.on("GET", "/v1/jobs/job_9/outputs/e.txt", serves(b"1.5"))
    run = fairlead("outputs", "job_9", str(tmp_path / "out"))
    assert run.stdout == f"{tmp_path / 'out' / 'e.txt'}\n"
    assert (tmp_path / "out" / "e.txt").read_bytes() == b"1.5"


def test_a_group_named_alone_lists(broker: Any, fairlead: Fairlead) -> None:
    broker.on("GET", "/v1/hosts", says(samples.page()))
    assert fairlead("hosts").exit_code == 0
    assert fairlead("hosts", "list", "--json").stdout == ""
    broker.on("POST", "/v1/hosts/host_3:drain", says())
    assert fairlead("hosts", "drain", "3").stdout == "host_3 is draining\n"
    assert [seen.method for seen in broker.seen] == ["GET", "GET", "POST"]
