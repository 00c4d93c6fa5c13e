"""Quotas, groups, donations and the table of shares, against a scripted broker."""

import json
from typing import Any

from .conftest import Fairlead, samples, says


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


def test_shares_as_a_tree_show_groups_before_their_members(broker: Any, fairlead: Fairlead) -> None:
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
        "group": "group_2",
    }
    group = {
        "group": "group_1",
        "group_name": "physics",
        "parent": None,
        "weight": 3,
        "weight_adjusted": 2.5,
        "minimum_slots": 0,
        "maximum_slots": None,
        "entitlement_slots": 3,
        "allocated_slots": 2,
        "pending_jobs": 9,
    }
    lab = group | {"group": "group_2", "group_name": "lab", "parent": "group_1"}
    alone = share | {"account": "account_2", "account_name": "bob", "group": None}
    table = {"capacity_slots": 4, "planned_at": None}
    broker.on("GET", "/v1/shares", says(table | {"items": [alone, share], "groups": [lab, group]}))
    lines = fairlead("shares", "--tree").stdout.splitlines()
    names = [line.split("\t")[0] for line in lines[1:]]
    assert names == ["physics/", "  lab/", "    alice", "bob"]
    assert lines[1].split("\t")[1:] == ["3", "2.5", "3.0", "2", "9"]


def test_quota_mix_keeps_the_factors_that_are_not_named(broker: Any, fairlead: Fairlead) -> None:
    mix = {"manual": 1.0, "own_hosts": 0.0, "donated": 0.5, "contribution": 0.0}
    broker.on("GET", "/v1/quotas/mix", says(mix))
    broker.on("PUT", "/v1/quotas/mix", says(mix | {"own_hosts": 0.01}))
    assert "donated\t0.5\n" in fairlead("quota", "mix").stdout
    assert "own hosts\t0.01\n" in fairlead("quota", "mix", "--own-hosts", "0.01").stdout
    assert broker.seen[-1].json == mix | {"own_hosts": 0.01}
    assert fairlead("quota", "mix", "--manual", "-1").exit_code == 5


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
