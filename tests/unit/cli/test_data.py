"""Data roots, bindings, imports, pools and images, against a scripted broker."""

import json
from typing import Any

from .conftest import Fairlead, posted, samples, says

MADE = {"created_by": "account_1", "created_at": "2025-01-01T00:00:00Z"}
ROOT = {
    "id": "root_9",
    "name": "lab1",
    "title": "",
    "path": "/data/lab1",
    "uid": 5001,
    "gid": 6001,
    "public": False,
    "import_enabled": True,
    **MADE,
}
POOL = {"id": "pool_3", "name": "fast", "title": "", "open": False, "hosts": 2, **MADE}
DIGEST = "sha256:" + "ab" * 32
IMAGE = {
    "id": "image_4",
    "name": "relion",
    "path": "registry.example.org/relion",
    "digest": DIGEST,
    "categories": ["em"],
    **MADE,
}
BINDING = {"id": "root_9", "kind": "data_root", "name": "lab1", "mode": "write"}
FILE = {"id": "file_22", "name": "a.mrc", "root": "root_9", "path": "set/a.mrc", **MADE}


def test_a_data_root_is_registered_changed_and_deleted(broker: Any, fairlead: Fairlead) -> None:
    broker.on("POST", "/v1/data-roots", says(ROOT, status=201))
    broker.on("PATCH", "/v1/data-roots/lab1", says(ROOT | {"import_enabled": False}))
    broker.on("DELETE", "/v1/data-roots/lab1", says(status=204))
    broker.on("GET", "/v1/data-roots", says(samples.page(ROOT)))
    run = fairlead(
        *("data-roots", "create", "lab1", "/data/lab1", "--uid", "5001", "--gid", "6001"),
        *("--role", "team:lab1=editor", "--role", "ann=owner", "--role", "ann=editor"),
    )
    assert "path\t/data/lab1\n" in run.stdout
    assert posted(broker) == [
        {
            "name": "lab1",
            "path": "/data/lab1",
            "uid": 5001,
            "gid": 6001,
            "entries": [
                {"principal": "team:lab1", "roles": ["editor"]},
                {"principal": "ann", "roles": ["owner", "editor"]},
            ],
        }
    ]
    assert "import\tno\n" in fairlead("data-roots", "set", "lab1", "--no-import").stdout
    assert broker.seen[-1].json == {"import_enabled": False}
    assert fairlead("data-roots", "set", "lab1").exit_code == 2
    listed = fairlead("data-roots").stdout.splitlines()
    assert listed[1].split("\t") == ["lab1", "-", "/data/lab1", "5001", "6001", "no", "yes"]
    assert json.loads(fairlead("data-roots", "--json").stdout)["id"] == "root_9"
    assert fairlead("data-roots", "delete", "lab1").stdout == "lab1 is deleted\n"
    bad = ("data-roots", "create", "x", "/x", "--uid", "0", "--gid", "1", "--role", "ann=king")
    run = fairlead(*bad)
    assert run.exit_code == 5
    assert "  /uid: " in run.stderr
    assert fairlead(*bad[:-1], "ann").exit_code == 2


def test_roots_and_pools_are_bound_to_projects(broker: Any, fairlead: Fairlead) -> None:
    broker.on("PUT", "/v1/projects/em/bindings/lab1", says(BINDING))
    broker.on("DELETE", "/v1/projects/em/bindings/lab1", says(status=204))
    broker.on("GET", "/v1/projects/em/bindings", says(samples.page(BINDING)))
    assert "mode\twrite\n" in fairlead("bindings", "set", "em", "lab1", "--write").stdout
    assert broker.seen[-1].json == {"mode": "write"}
    listed = fairlead("bindings", "list", "em").stdout.splitlines()
    assert listed[1].split("\t") == ["root_9", "data_root", "lab1", "write"]
    run = fairlead("bindings", "remove", "em", "lab1")
    assert run.stdout == "lab1 is no longer bound to em\n"


def test_data_is_imported_and_imports_are_switched(broker: Any, fairlead: Fairlead) -> None:
    broker.on("POST", "/v1/projects/em/imports", says({"items": [FILE]}, status=201))
    broker.on("GET", "/v1/projects/em/imports", says(samples.page(FILE)))
    broker.on("DELETE", "/v1/projects/em/imports/file_22", says(status=204))
    broker.on("PUT", "/v1/projects/em/import", says({"import_enabled": False}))
    broker.on("PUT", "/v1/accounts/ann/import", says({"import_enabled": True}))
    run = fairlead("imports", "add", "em", "lab1", "set/a.mrc")
    assert run.stdout == "file_22\tset/a.mrc\n"
    assert posted(broker) == [{"root": "lab1", "paths": ["set/a.mrc"], "folder": None}]
    assert fairlead("imports", "list", "em").stdout.splitlines()[1].startswith("file_22\ta.mrc\t")
    assert fairlead("imports", "remove", "em", "file_22").exit_code == 0
    assert fairlead("imports", "switch", "off", "--project", "em").stdout == "imports are off\n"
    assert broker.seen[-1].json == {"import_enabled": False}
    assert fairlead("imports", "switch", "on", "--account", "ann").exit_code == 0
    assert fairlead("imports", "switch", "maybe", "--account", "ann").exit_code == 2
    assert fairlead("imports", "switch", "on").exit_code == 2


def test_a_pool_is_registered_and_opened(broker: Any, fairlead: Fairlead) -> None:
    broker.on("POST", "/v1/pools", says(POOL, status=201))
    broker.on("PATCH", "/v1/pools/fast", says(POOL | {"open": True}))
    broker.on("GET", "/v1/pools", says(samples.page(POOL)))
    broker.on("DELETE", "/v1/pools/fast", says(status=204))
    assert "open\tno\n" in fairlead("pools", "create", "fast").stdout
    assert posted(broker) == [{"name": "fast", "title": "", "open": False}]
    assert "open\tyes\n" in fairlead("pools", "set", "fast", "--open").stdout
    assert fairlead("pools", "set", "fast").exit_code == 2
    assert fairlead("pools").stdout.splitlines()[1].split("\t")[:4] == ["fast", "-", "no", "2"]
    assert fairlead("pools", "delete", "fast").exit_code == 0


def test_preemption_is_allowed_listed_and_forbidden(broker: Any, fairlead: Fairlead) -> None:
    rules = {"minimum_run_seconds": 900.0, "grace_seconds": 30.0, "jobs_per_minute_max": 5}
    there = rules | {"pool": "fast"}
    broker.on("PUT", "/v1/pools/fast/preemption", says(there))
    broker.on("GET", "/v1/preemptions", says({"items": [there], "next_cursor": None}))
    broker.on("DELETE", "/v1/pools/fast/preemption", says(status=204))
    more = ("--minimum-run-seconds", "900", "--jobs-per-minute", "5")
    assert "minimum run, s\t900\n" in fairlead("preemption", "allow", "fast", *more).stdout
    assert broker.seen[-1].json == {"minimum_run_seconds": 900, "jobs_per_minute_max": 5}
    assert fairlead("preemption").stdout.splitlines()[1].split("\t") == ["fast", "900", "30", "5"]
    run = fairlead("preemption", "allow", "fast", "--grace-seconds", "-1")
    assert run.exit_code == 5
    assert "/grace_seconds" in run.stderr
    run = fairlead("preemption", "forbid", "fast")
    assert run.stdout == "running jobs of fast are left alone\n"


def test_an_image_is_entered_and_categorised(broker: Any, fairlead: Fairlead) -> None:
    broker.on("POST", "/v1/images", says(IMAGE, status=201))
    broker.on("PATCH", "/v1/images/relion", says(IMAGE))
    broker.on("GET", "/v1/images", says(samples.page(IMAGE)))
    run = fairlead("images", "create", "relion", IMAGE["path"], DIGEST, "--category", "em")
    assert f"digest\t{DIGEST}\n" in run.stdout
    assert posted(broker)[0]["categories"] == ["em"]
    assert fairlead("images", "set", "relion", "--category", "gpu").exit_code == 0
    assert broker.seen[-1].json == {"categories": ["gpu"]}
    assert fairlead("images", "list", "--category", "em").exit_code == 0
    assert broker.seen[-1].query["category"] == "em"
    assert fairlead("images", "create", "relion", "x", "sha256:1").exit_code == 5


def test_submit_names_data_and_where_outputs_go(broker: Any, fairlead: Fairlead) -> None:
    receipt = {"id": "batch_7", "jobs": 1, "first_job": "job_7"}
    broker.on("POST", "/v1/batches", says(receipt, status=201))
    run = fairlead(
        *("submit", "motion", "--project", "em", "--data", "movie=lab1:set/a.mrc"),
        *("--outputs-to", "lab1:results"),
    )
    assert run.exit_code == 0, run.output
    (body,) = posted(broker)
    assert (body["project"], body["outputs_to"]) == ("em", "lab1:results")
    assert body["jobs"][0]["inputs"] == {"movie": {"data": "lab1:set/a.mrc"}}


def test_a_job_is_shown_with_the_places_that_it_uses(broker: Any, fairlead: Fairlead) -> None:
    use = {"input": "movie", "root": "root_9", "path": "set/a.mrc", "mode": "read"}
    job = samples.job(
        7,
        inputs={"movie": {"data": "lab1:set/a.mrc"}},
        data=[use, {**use, "input": None, "path": "out", "mode": "write"}],
    )
    broker.on("GET", "/v1/jobs/job_7", says(job))
    shown = fairlead("show", "job_7").stdout
    assert "input movie\tlab1:set/a.mrc\n" in shown
    assert "outputs to\troot_9:out\n" in shown


def test_a_check_fails_where_shell_and_broker_differ(broker: Any, fairlead: Fairlead) -> None:
    who = {"principal": "account_2", "name": "bob", "difference": "not_mapped", "ids": []}
    report = {"root": "root_9", "root_name": "lab1", "differences": [], "more": 0}
    broker.on("GET", "/v1/data-roots", says(samples.page(ROOT)))
    broker.on(
        "GET", "/v1/data-roots/lab1/shell", says(report), says(report | {"differences": [who]})
    )
    assert fairlead("data-roots", "check").exit_code == 0
    run = fairlead("data-roots", "check", "lab1")
    assert run.exit_code == 1
    assert run.stdout.splitlines()[1] == "bob\tnot_mapped\t-"
    assert fairlead("data-roots", "check", "lab1", "--json").exit_code == 1
