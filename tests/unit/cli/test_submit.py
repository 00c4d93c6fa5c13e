"""`fairlead submit`, against a scripted broker."""

import json
from pathlib import Path
from typing import Any

import pytest

from broker import errors

from .conftest import Fairlead, posted, refuses, samples, says

RECEIPT = {"id": "batch_7", "jobs": 1, "first_job": "job_11"}


def test_submit_sweeps_and_prints_the_id_alone_in_a_pipe(broker: Any, fairlead: Fairlead) -> None:
    broker.on("POST", "/v1/batches", says(RECEIPT, status=201))
    run = fairlead(
        "submit", "ising", "-p", "steps=10", "--sweep", "t=1:2:3", "--sweep", "b=x,y", "--name", "n"
    )
    assert (run.exit_code, run.stdout) == (0, "batch_7\n")
    [body] = posted(broker)
    assert body["name"] == "n"
    assert len(body["jobs"]) == 6
    assert body["jobs"][3] == {"parameters": {"steps": 10, "t": 1.5, "b": "y"}}


def test_submit_reads_jobs_from_stdin_and_fills_in_what_they_share(
    broker: Any, fairlead: Fairlead, tmp_path: Path
) -> None:
    (tmp_path / "mesh.txt").write_text("1 2 3")
    broker.on("POST", "/v1/batches", says(RECEIPT, status=201))
    lines = '{"parameters": {"t": 1}}\n\n{"name": "b", "parameters": {"steps": 3}}\n'
    run = fairlead(
        "submit",
        "ising",
        "--jobs",
        "-",
        "-p",
        "steps=10",
        "--input",
        f"mesh={tmp_path / 'mesh.txt'}",
        "--json",
        input=lines,
    )
    assert run.exit_code == 0, run.output
    assert json.loads(run.stdout)["id"] == "batch_7"
    header, first, second = map(json.loads, broker.seen[0].body.splitlines())
    assert header["app"] == "ising"
    assert first == {"parameters": {"steps": 10, "t": 1}, "inputs": {"mesh": {"text": "1 2 3"}}}
    assert second["parameters"] == {"steps": 3}


def test_a_bad_line_of_a_file_is_named(broker: Any, fairlead: Fairlead) -> None:
    run = fairlead("submit", "ising", "--jobs", "-", input='{"parameters": {}}\n{"seed": 1}\n')
    assert run.exit_code == 5
    assert run.stderr.splitlines() == [
        "fairlead: line 2 is not a job",
        "  line 2: /seed: there is no such field",
    ]
    assert broker.seen == []


def test_a_line_that_the_broker_refuses_is_that_of_the_file(
    broker: Any, fairlead: Fairlead
) -> None:
    fields = [
        errors.FieldError("line 3: /parameters/t", "is missing"),
        errors.FieldError("line 2", "is long"),
    ]
    broker.on(
        "POST", "/v1/batches", refuses(errors.InvalidInput("nothing was stored", errors=fields))
    )
    lines = '\n{"parameters": {"t": 1}}\n\n{"parameters": {}}\n'  # a job on lines 2 and 4
    run = fairlead("submit", "ising", "--jobs", "-", input=lines)
    assert run.exit_code == 5
    assert run.stderr.splitlines() == [
        "fairlead: nothing was stored",
        "  line 4: /parameters/t: is missing",
        "  line 2: is long",
    ]


def has_version(broker: Any, resources: dict[str, int]) -> None:
    """The app `ising` has a version with these needs, and takes a batch."""
    made = {"created_by": "account_1", "created_at": "2025-01-01T00:00:00Z"}
    app = {
        "id": "app_2",
        "name": "ising",
        "title": "",
        "description": "",
        "state": "active",
        "latest_version": 4,
        **made,
    }
    version = {
        "id": "version_9",
        "app": "app_2",
        "number": 4,
        "state": "published",
        "spec": {"command": ["x"], "resources": resources},
        **made,
    }
    broker.on("GET", "/v1/apps/ising", says(app))
    broker.on("GET", "/v1/apps/ising/versions/4", says(version))
    broker.on("POST", "/v1/batches", says(RECEIPT, status=201))


def test_one_need_changes_one_need_of_the_version(broker: Any, fairlead: Fairlead) -> None:
    has_version(broker, {"gpus": 2, "memory_mib": 500})
    run = fairlead("submit", "ising", "--memory-mib", "900")
    assert run.exit_code == 0, run.output
    [body] = posted(broker)
    assert body["version"] == 4
    assert body["resources"]["gpus"] == 2
    assert body["resources"]["memory_mib"] == 900


@pytest.mark.parametrize(
    ("job", "code"),
    [
        (samples.summary(11), 0),
        (samples.summary(11, state="failed", exit_code=42), 42),
        (samples.summary(11, state="cancelled"), 1),
    ],
)
def test_submit_and_wait_ends_with_the_code_of_the_job(
    broker: Any, fairlead: Fairlead, job: dict[str, Any], code: int
) -> None:
    broker.on("POST", "/v1/batches", says(RECEIPT, status=201))
    broker.on(
        "GET",
        "/v1/batches/batch_7",
        says(samples.batch(queued=1)),
        says(samples.batch(finished=True, **{job["state"]: 1})),
    )
    broker.on("GET", "/v1/jobs", says(samples.page(job)))
    run = fairlead("submit", "ising", "--wait")
    assert run.exit_code == code
    assert run.stdout == "batch_7\n"
    assert run.stderr == f"batch_7: 1 {job['state']}\n"


def test_dry_run_stores_nothing(broker: Any, fairlead: Fairlead) -> None:
    answer = {"jobs": 3, "version_number": 2, "jobs_ahead": 3, "fitting_hosts": 4}
    start = {"seconds_low": 30, "seconds_high": 600, "basis": "3 jobs before it"}
    broker.on("POST", "/v1/batches", says({**answer, "account_rank": 2, "start": start}))
    run = fairlead("submit", "ising", "--sweep", "t=1,2,3", "--dry-run")
    assert "fitting hosts\t4" in run.stdout
    assert "account rank\t2\nmay start in\t30 s to 10 min\nmay start by\t3 jobs" in run.stdout
    assert broker.seen[0].query == {"dry_run": "true"}


def test_bad_fields_are_a_line_each(broker: Any, fairlead: Fairlead) -> None:
    broker.on(
        "POST",
        "/v1/batches",
        refuses(
            errors.InvalidInput(
                "2 bad fields",
                errors=[
                    errors.FieldError("/jobs/0/parameters/t", "at least 0"),
                    errors.FieldError("/jobs/1/parameters/t", "at least 0"),
                ],
            )
        ),
    )
    run = fairlead("submit", "ising", "--sweep", "t=-1,-2")
    assert run.exit_code == 5
    assert run.stdout == ""
    assert run.stderr.splitlines() == [
        "fairlead: 2 bad fields",
        "  /jobs/0/parameters/t: at least 0",
        "  /jobs/1/parameters/t: at least 0",
    ]


@pytest.mark.parametrize(
    ("options", "gpus", "eighths"),
    [
        (["--gpu-part", "1/8"], 1, 1),
        (["--gpu-part", "1/2"], 1, 4),
        (["--gpu-part", "3/4"], 1, 6),
        (["--gpus", "3"], 3, 8),
    ],
)
def test_a_part_of_a_gpu_replaces_what_the_version_asks_for_and_back(
    broker: Any, fairlead: Fairlead, options: list[str], gpus: int, eighths: int
) -> None:
    has_version(broker, {"gpus": 1, "gpu_eighths": 2, "memory_mib": 500})
    assert fairlead("submit", "ising", *options).exit_code == 0
    sent = posted(broker)[0]["resources"]
    assert (sent["gpus"], sent["gpu_eighths"], sent["memory_mib"]) == (gpus, eighths, 500)


@pytest.mark.parametrize("text", ["8/8", "0/8", "1/3", "0.5", "x/8", "-1/8", "1/8/8"])
def test_a_part_of_a_gpu_is_less_than_one_in_eighths(
    broker: Any, fairlead: Fairlead, text: str
) -> None:
    run = fairlead("submit", "ising", f"--gpu-part={text}")
    assert run.exit_code == 2
    assert "1/8 or 1/2" in run.stderr
    assert not broker.seen


def test_whole_gpus_and_a_part_exclude_each_other(fairlead: Fairlead) -> None:
    run = fairlead("submit", "ising", "--gpus", "1", "--gpu-part", "1/8")
    assert run.exit_code == 2
    assert "exclude" in run.stderr
