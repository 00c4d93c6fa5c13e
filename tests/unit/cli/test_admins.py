"""What admins and app owners do: grants, quotas, versions, shares."""

from pathlib import Path
from typing import Any

import pytest

from .conftest import Fairlead, posted, samples, says


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


def test_a_team_is_made_renamed_and_filled(broker: Any, fairlead: Fairlead) -> None:
    team = {
        "id": "team_5",
        "name": "lab",
        "title": "The lab",
        "accounts": 1,
        "created_by": "account_1",
        "created_at": "2025-01-01T00:00:00Z",
    }
    member = {"account": "account_1", "account_name": "alice", "team": "team_5", "team_name": "lab"}
    broker.on("GET", "/v1/me", says(samples.ME))
    broker.on("GET", "/v1/teams", says(samples.page(team)))
    broker.on("POST", "/v1/teams", says(team, status=201))
    broker.on("PATCH", "/v1/teams/lab", says(team))
    broker.on("PUT", "/v1/teams/lab/accounts/account_1", says(member))
    broker.on("DELETE", "/v1/teams/lab/accounts/alice", says(status=204))
    broker.on("GET", "/v1/teams/lab/accounts", says(samples.page(member)))
    broker.on("DELETE", "/v1/teams/lab", says(status=204))
    made = fairlead("teams", "create", "lab", "--title", "The lab")
    assert made.stdout.startswith("id\tteam_5\nname\tlab\n")
    assert posted(broker) == [{"name": "lab", "title": "The lab"}]
    assert fairlead("teams").stdout.splitlines()[1].startswith("team_5\tlab\tThe lab\t1\t")
    assert fairlead("teams", "rename", "lab", "lab-b").exit_code == 0
    assert broker.seen[-1].json == {"name": "lab-b"}
    assert fairlead("teams", "rename", "lab").exit_code == 2
    assert fairlead("teams", "add", "lab", "me").stdout == "me belongs to lab\n"
    assert fairlead("teams", "members", "lab").stdout == "account\tname\naccount_1\talice\n"
    assert fairlead("teams", "remove", "lab", "alice").exit_code == 0
    assert fairlead("teams", "delete", "lab", input="n\n").exit_code == 1
    assert fairlead("teams", "delete", "lab", "--yes").stdout == "lab is deleted\n"


def test_a_token_is_made_for_its_scopes_and_rotated(broker: Any, fairlead: Fairlead) -> None:
    secret = {"id": "token_4", "token": "flt_new"}
    broker.on("GET", "/v1/me", says(samples.ME))
    broker.on("POST", "/v1/accounts/account_1/tokens", says(secret, status=201))
    broker.on("POST", "/v1/accounts/account_1/tokens/token_3:rotate", says(secret, status=201))
    run = fairlead("tokens", "create", "ci", "--scope", "read", "--scope", "hosts")
    assert run.stdout == "flt_new\n"
    assert "not shown again" in run.stderr
    assert broker.seen[-1].json == {"name": "ci", "expires_at": None, "scopes": ["read", "hosts"]}
    assert fairlead("tokens", "create", "--scope", "root").exit_code == 2
    run = fairlead("tokens", "rotate", "3", "--overlap", "60", "--json")
    assert run.stdout == '{"id":"token_4","token":"flt_new"}\n'
    assert broker.seen[-1].json["overlap_seconds"] == 60


def test_the_audit_log_is_read_and_checked(broker: Any, fairlead: Fairlead) -> None:
    entry = {
        "position": 7,
        "at": "2025-01-01T00:00:00Z",
        "account": "account_1",
        "account_name": "alice",
        "host": None,
        "token": "token_2",
        "action": "team.edit",
        "request": "POST /v1/teams",
        "objects": ["team_5", "team:lab"],
        "details": {"body": {"name": "lab"}},
        "status": 201,
        "sha256": "0" * 64,
    }
    whole = {
        "intact": True,
        "entries": 7,
        "broken_at": None,
        "reason": None,
        "head_position": 7,
        "head_sha256": "0" * 64,
    }
    broken = whole | {"intact": False, "broken_at": 3, "reason": "gone"}
    broker.on("GET", "/v1/audit/log", says(samples.page(entry, entry | {"account_name": None})))
    broker.on("GET", "/v1/audit/log:verify", says(whole), says(broken))
    run = fairlead("audit", "log", "--object", "team_5", "--since", "2025-01-01")
    assert broker.seen[-1].query["since"] == "2025-01-01T00:00:00+00:00"
    first, second = [line.split("\t") for line in run.stdout.splitlines()[1:]]
    assert (first[0], first[2], first[4]) == ("7", "alice", "team_5 team:lab")
    assert second[2] == "server"
    assert fairlead("audit", "verify").exit_code == 0
    run = fairlead("audit", "verify", "--position", "7", "--sha256", "0" * 64)
    assert run.exit_code == 1
    assert "broken at\t3" in run.stdout


def test_a_deletion_is_foreseen_and_told(broker: Any, fairlead: Fairlead) -> None:
    numbers = ("tokens", "hosts", "teams", "access_entries", "jobs_queued", "jobs_active")
    departure = {
        "account": samples.ME["account"],
        **dict.fromkeys([*numbers, "batches_removed", "batches_kept"], 2),
        "left_alone": [{"id": "project_17", "name": "mine"}],
        "warnings": ["nobody but managers can share project_17 (mine)"],
    }
    broker.on("GET", "/v1/accounts/alice:impact", says(departure))
    broker.on("DELETE", "/v1/accounts/alice", says(departure))
    for words in (("impact", "alice"), ("delete", "alice", "--yes")):
        run = fairlead("accounts", *words)
        assert "left alone\tproject_17" in run.stdout
        assert "warning: nobody but managers" in run.stderr
    assert fairlead("accounts", "delete", "alice", input="n\n").exit_code == 1


def test_breaking_the_glass_needs_a_reason(broker: Any, fairlead: Fairlead) -> None:
    opening = {
        "number": 1,
        "batch": "batch_17",
        "account": "account_1",
        "account_name": "alice",
        "reason": "an incident",
        "opened_at": "2025-01-01T00:00:00Z",
        "expires_at": "2025-01-01T01:00:00Z",
    }
    broker.on("POST", "/v1/batches/batch_17:break-glass", says(opening, status=201))
    broker.on("GET", "/v1/batches/batch_17/openings", says(samples.page(opening)))
    assert fairlead("break-glass", "17").exit_code == 2
    run = fairlead("break-glass", "17", "--reason", "an incident", "--minutes", "30")
    assert "until\t2025-01-01T01:00:00+00:00" in run.stdout
    assert posted(broker) == [{"reason": "an incident", "seconds": 1800}]
    assert "alice\tan incident" in fairlead("openings", "batch_17").stdout


def test_execution_accounts_are_set_for_teams_and_accounts(broker: Any, fairlead: Fairlead) -> None:
    ids = {"uid": 2000, "gid": 2001, "shared": False}
    answer = {"own": ids, "runs_as": ids, "why": "set for the account"}
    broker.on("GET", "/v1/me", says(samples.ME))
    broker.on("GET", "/v1/accounts/account_1/unix", says(answer))
    broker.on("PUT", "/v1/teams/lab/unix", says(ids))
    broker.on("DELETE", "/v1/teams/team_5/unix", says(status=204))
    run = fairlead("unix", "set", "team:lab", "--uid", "2000", "--gid", "2001")
    assert run.stdout == "jobs of team:lab run as 2000:2001\n"
    assert broker.seen[-1].json == ids
    assert fairlead("unix", "set", "lab", "--uid", "0", "--gid", "1").exit_code == 2
    assert fairlead("unix", "show").stdout.startswith("uid\t2000\ngid\t2001\n")
    assert fairlead("unix", "remove", "team_5").exit_code == 0
