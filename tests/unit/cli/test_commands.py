"""The commands, against a scripted broker."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from broker import errors
from broker.cli import credentials

from .conftest import Fairlead, refuses, samples, says, serves, streams

RECEIPT = {"id": "batch_7", "jobs": 1, "first_job": "job_11"}


def posted(broker: Any) -> list[Any]:
    return [seen.json for seen in broker.seen if seen.method == "POST"]


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
        "  line 2: /seed: Extra inputs are not permitted",
    ]
    assert broker.seen == []


def test_one_need_changes_one_need_of_the_version(broker: Any, fairlead: Fairlead) -> None:
    app = {
        "id": "app_2",
        "name": "ising",
        "title": "",
        "description": "",
        "state": "active",
        "created_by": "account_1",
        "created_at": "2025-01-01T00:00:00Z",
        "latest_version": 4,
    }
    version = {
        "id": "version_9",
        "app": "app_2",
        "number": 4,
        "state": "published",
        "spec": {"command": ["x"], "resources": {"gpus": 2, "memory_mib": 500}},
        "created_by": "account_1",
        "created_at": "2025-01-01T00:00:00Z",
    }
    broker.on("GET", "/v1/apps/ising", says(app))
    broker.on("GET", "/v1/apps/ising/versions/4", says(version))
    broker.on("POST", "/v1/batches", says(RECEIPT, status=201))
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
    broker.on("POST", "/v1/batches", says(answer))
    run = fairlead("submit", "ising", "--sweep", "t=1,2,3", "--dry-run")
    assert "fitting hosts\t4" in run.stdout
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
    ("error", "code"),
    [
        (errors.Forbidden("not yours"), 3),
        (errors.NotFound("no job_9"), 4),
        (errors.Conflict("ended"), 7),
        (errors.LimitExceeded("slow down"), 8),
        (errors.FairleadError("internal error"), 10),
    ],
)
def test_refusals_are_one_line_and_a_code(
    broker: Any, fairlead: Fairlead, error: errors.FairleadError, code: int
) -> None:
    broker.on("GET", "/v1/jobs/job_9", refuses(error))
    run = fairlead("show", "job_9")
    assert (run.exit_code, run.stderr) == (code, f"fairlead: {error.message}\n")


def test_debug_shows_the_traceback(
    broker: Any, fairlead: Fairlead, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRLEAD_DEBUG", "1")
    broker.on("GET", "/v1/jobs/job_9", refuses(errors.NotFound("no job_9")))
    assert "Traceback" in fairlead("show", "job_9").stderr


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


def test_granting_one_privilege_keeps_the_other(broker: Any, fairlead: Fairlead) -> None:
    held = {
        "account": "account_1",
        "account_name": "alice",
        "app": "app_2",
        "app_name": "ising",
        "submit": True,
        "admin": False,
    }
    broker.on("GET", "/v1/accounts/alice", says(samples.ME["account"]))
    broker.on("GET", "/v1/apps/ising/privileges", says(samples.page(held)))
    broker.on("PUT", "/v1/apps/ising/privileges/account_1", says(held))
    broker.on("DELETE", "/v1/apps/ising/privileges/account_1", says(status=204))
    assert fairlead("grant", "alice", "admin", "--app", "ising").exit_code == 0
    assert broker.seen[-1].json == {"submit": True, "admin": True}
    assert fairlead("revoke", "alice", "submit", "--app", "ising").exit_code == 0
    assert broker.seen[-1].method == "DELETE"
    assert fairlead("grant", "alice", "admin").exit_code == 2


def test_global_privileges_are_changed_one_by_one(broker: Any, fairlead: Fairlead) -> None:
    now = {"submit_all_apps": True, "admin_all_apps": False}
    broker.on("GET", "/v1/accounts/alice/privileges", says(now))
    broker.on("PUT", "/v1/accounts/alice/privileges", says(now))
    run = fairlead("grant", "alice", "admin", "--all-apps")
    assert run.stdout == "admin on all apps granted to alice\n"
    assert broker.seen[-1].json == {"submit_all_apps": True, "admin_all_apps": True}


def test_quota_of_the_caller(broker: Any, fairlead: Fairlead) -> None:
    broker.on("GET", "/v1/me", says(samples.ME))
    broker.on("GET", "/v1/accounts/account_1/quota", says(samples.ME["quota"]))
    broker.on("PATCH", "/v1/accounts/bob/quota", says(samples.ME["quota"]))
    assert "jobs in progress\t3 of 1000\n" in fairlead("quota", "show").stdout
    assert fairlead("quota", "set", "bob", "--quota", "30").exit_code == 0
    assert broker.seen[-1].json == {"quota": 30.0}
    assert fairlead("quota", "set", "bob").exit_code == 2
    assert fairlead("quota", "set", "bob", "--quota", "-1").exit_code == 5
    boosted = ("quota", "set", "bob", "--quota", "9", "--until", "2030-01-02", "--maximum", "none")
    assert fairlead(*boosted, "--budget", "3600", "--budget-days", "30").exit_code == 0
    body = broker.seen[-1].json
    assert body.pop("quota_until").startswith("2030-01-0")
    assert body == {
        "quota": 9,
        "maximum_slots": None,
        "gpu_seconds_budget": 3600,
        "budget_period_days": 30,
    }
    assert fairlead("quota", "set", "bob", "--maximum", "much").exit_code == 2


def test_groups_are_made_changed_and_joined(broker: Any, fairlead: Fairlead) -> None:
    broker.on("POST", "/v1/groups", says(samples.GROUP, status=201))
    broker.on("PATCH", "/v1/groups/lab", says(samples.GROUP | {"warnings": ["minima too great"]}))
    member = {"account": "account_2", "account_name": "bob", "group": "group_3"}
    broker.on("PUT", "/v1/groups/lab/accounts/bob", says(member | {"group_name": "lab"}))
    broker.on("GET", "/v1/groups", says(samples.page(samples.GROUP)))
    made = fairlead("groups", "create", "lab", "--parent", "physics", "--weight", "2")
    assert "budget (GPU-seconds)\t70 of 3600\n" in made.stdout
    assert broker.seen[-1].json == {"name": "lab", "parent": "physics", "weight": 2.0}
    changed = fairlead("groups", "set", "lab", "--parent", "none", "--minimum", "3")
    assert broker.seen[-1].json == {"parent": None, "minimum_slots": 3.0}
    assert changed.stderr == "warning: minima too great\n"
    assert fairlead("groups", "set", "lab").exit_code == 2
    assert fairlead("groups", "join", "lab", "bob").stdout == "bob belongs to lab\n"
    listed = fairlead("groups").stdout.splitlines()
    assert listed[1].split("\t") == [
        "lab",
        "The lab",
        "physics",
        "2",
        "0",
        "-",
        "4",
        "70 of 3600",
        "1",
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("v.toml", 'command = ["{python}", "x.py"]\n[parameters.t]\ntype = "number"\n'),
        ("v.json", '{"command": ["{python}", "x.py"], "parameters": {"t": {"type": "number"}}}'),
    ],
)
def test_a_version_is_published_from_a_file(
    broker: Any, fairlead: Fairlead, tmp_path: Path, name: str, content: str
) -> None:
    (tmp_path / name).write_text(content)
    spec = {"command": ["{python}", "x.py"], "parameters": {"t": {"type": "number"}}}
    version = {
        "id": "version_3",
        "app": "app_2",
        "number": 2,
        "state": "draft",
        "spec": spec,
        "created_by": "account_1",
        "created_at": "2025-01-01T00:00:00Z",
    }
    broker.on("POST", "/v1/apps/ising/versions", says(version, status=201))
    run = fairlead("apps", "publish", "ising", str(tmp_path / name), "--draft")
    assert run.stdout == "app\tising\nversion\t2\nstate\tdraft\n"
    assert posted(broker) == [{"spec": spec, "publish": False}]


def test_a_bad_spec_names_its_fields(broker: Any, fairlead: Fairlead, tmp_path: Path) -> None:
    (tmp_path / "v.json").write_text('{"command": [], "parmeters": {}}')
    run = fairlead("apps", "publish", "ising", str(tmp_path / "v.json"))
    assert run.exit_code == 5
    assert "  /command: " in run.stderr
    assert "  /parmeters: " in run.stderr


def test_a_group_named_alone_lists(broker: Any, fairlead: Fairlead) -> None:
    broker.on("GET", "/v1/hosts", says(samples.page()))
    assert fairlead("hosts").exit_code == 0
    assert fairlead("hosts", "list", "--json").stdout == ""
    broker.on("POST", "/v1/hosts/host_3:drain", says())
    assert fairlead("hosts", "drain", "3").stdout == "host_3 is draining\n"
    assert [seen.method for seen in broker.seen] == ["GET", "GET", "POST"]


def test_login_keeps_a_token_that_the_broker_accepts(broker: Any, fairlead: Fairlead) -> None:
    broker.on("GET", "/v1/me", says(samples.ME))
    run = fairlead("login", "--token", "flt_new")
    assert "as alice" in run.stdout
    assert broker.seen[0].headers["Authorization"] == "Bearer flt_new"
    assert credentials.load() == credentials.Credentials(broker.url, "flt_new")


def test_login_asks_for_the_token_and_keeps_no_bad_one(
    broker: Any, fairlead: Fairlead, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FAIRLEAD_TOKEN")
    broker.on("GET", "/v1/me", refuses(errors.Unauthenticated("unknown token")))
    run = fairlead("login", input="flt_bad\n")
    assert (run.exit_code, credentials.load()) == (3, None)
    assert "flt_bad" not in run.output


def test_shares_are_a_table_with_bars(broker: Any, fairlead: Fairlead) -> None:
    share = {
        "account": "account_1",
        "account_name": "alice",
        "quota": 50,
        "quota_fraction": 0.75,
        "usage_gpu_seconds": 12,
        "weight_adjusted": 40,
        "entitlement_slots": 3,
        "allocated_slots": 2,
        "pending_jobs": 9,
    }
    table = {"capacity_slots": 4, "planned_at": None, "items": [share]}
    broker.on("GET", "/v1/shares", says(table))
    row = fairlead("shares").stdout.splitlines()[1].split("\t")
    assert row[0] == "alice"
    assert row[-1] == "█" * 9 + "░" * 4 + "┃" + "░" * 4
    assert json.loads(fairlead("shares", "--json").stdout)["capacity_slots"] == 4


def test_usage_errors_are_told_by_typer(fairlead: Fairlead) -> None:
    assert fairlead("submit").exit_code == 2
    assert fairlead("no-such-command").exit_code == 2
    assert fairlead("submit", "x", "--jobs", "-", "--sweep", "a=1").exit_code == 2


def test_without_a_token_it_says_what_to_do(
    fairlead: Fairlead, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FAIRLEAD_TOKEN")
    run = fairlead("jobs")
    assert run.exit_code == 3
    assert "run `fairlead login` or set FAIRLEAD_TOKEN" in run.stderr


def test_admin_create_needs_a_database(fairlead: Fairlead) -> None:
    run = fairlead("admin", "create", "root")
    assert run.exit_code == 9
    assert "FAIRLEAD_DATABASE_URL" in run.stderr


def test_quota_mix_keeps_the_factors_that_are_not_named(broker: Any, fairlead: Fairlead) -> None:
    mix = {"manual": 1.0, "own_hosts": 0.0, "donated": 0.5, "contribution": 0.0}
    broker.on("GET", "/v1/quotas/mix", says(mix))
    broker.on("PUT", "/v1/quotas/mix", says(mix | {"own_hosts": 0.01}))
    assert "donated\t0.5\n" in fairlead("quota", "mix").stdout
    assert "own hosts\t0.01\n" in fairlead("quota", "mix", "--own-hosts", "0.01").stdout
    assert broker.seen[-1].json == mix | {"own_hosts": 0.01}
    assert fairlead("quota", "mix", "--manual", "-1").exit_code == 5


def test_donate_changes_one_part_and_keeps_the_others(broker: Any, fairlead: Fairlead) -> None:
    part = {"to": "account_2", "to_name": "ann", "fraction": 0.25}
    given = {"account": "account_1", "credit_recent": 800.0, "donations": [part]}
    bob = samples.ME["account"] | {"id": "account_7", "name": "bob"}
    broker.on("GET", "/v1/me", says(samples.ME))
    broker.on("GET", "/v1/accounts/bob", says(bob))
    broker.on("GET", "/v1/accounts/ann", says(bob | {"id": "account_2", "name": "ann"}))
    broker.on("GET", "/v1/accounts/account_1/donations", says(given))
    broker.on("PUT", "/v1/accounts/account_1/donations", says(given))
    assert fairlead("donate").stdout.splitlines()[1] == "ann\t0.25\t200"
    assert fairlead("donate", "bob", "0.5").exit_code == 0
    assert broker.seen[-1].json == {
        "donations": [
            {"to": "account_2", "fraction": 0.25},
            {"to": "account_7", "fraction": 0.5},
        ]
    }
    assert fairlead("donate", "ann", "0").exit_code == 0
    assert broker.seen[-1].json == {"donations": []}
    assert fairlead("donate", "ann").exit_code == 2


def test_quota_preview_shows_the_tree_before_and_after(broker: Any, fairlead: Fairlead) -> None:
    row = {
        "kind": "group",
        "id": "group_1",
        "name": "physics",
        "level": 0,
        "weight_before": 1.0,
        "weight_after": 3.0,
        "entitlement_slots_before": 20.0,
        "entitlement_slots_after": 60.0,
        "demand_slots": 100.0,
    }
    person = row | {"kind": "account", "id": "account_2", "name": "ann", "level": 1}
    broker.on("POST", "/v1/quotas:preview", says({"capacity_slots": 100, "items": [row, person]}))
    run = fairlead(
        *("quota", "preview", "--group", "physics:weight=3,maximum=none,parent=none"),
        *("--account", "ann:weight=2.5,group=lab", "--full", "--capacity", "100"),
    )
    assert run.exit_code == 0, run.output
    assert broker.seen[-1].json == {
        "demand": "full",
        "accounts": [{"account": "ann", "weight": 2.5, "group": "lab"}],
        "groups": [{"group": "physics", "weight": 3, "maximum_slots": None, "parent": None}],
        "capacity_slots": 100,
    }
    lines = [line.split("\t") for line in run.stdout.splitlines()]
    assert lines[1] == ["physics/", "1", "3", "100", "20.0", "60.0", "+40.0"]
    assert lines[2][0] == "  ann"
    for bad in ("ann:speed=3", "ann:weight", "ann:weight=much"):
        assert fairlead("quota", "preview", "--account", bad).exit_code == 2
