"""Tables, `fairlead submit --table`, and what editors do to apps, against a scripted broker."""

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Fairlead, posted, samples, says, serves

MADE = {"created_by": "account_1", "created_at": "2025-01-01T00:00:00Z"}
COLUMNS = [
    {"name": "seed", "type": "integer", "nullable": False, "description": ""},
    {"name": "label", "type": "text", "nullable": True, "description": ""},
    {"name": "cold", "type": "boolean", "nullable": True, "description": ""},
]
TABLE = {
    "id": "table_7",
    "name": "runs",
    "handle": "lab/runs",
    "project": "project_5",
    "description": "",
    "columns": COLUMNS,
    "rows": 2,
    **MADE,
}
PATH = "/v1/tables/lab/runs"  # the fake broker decodes %2F
RECEIPT = {"table": "table_7", "rows": 2, "first_number": 1}
APP = {
    "id": "app_2",
    "name": "ising",
    "handle": "lab/ising",
    "project": "project_5",
    "title": "Ising",
    "description": "",
    "state": "active",
    "isolation": "shared",
    **MADE,
}


def test_a_table_is_created_with_typed_columns_and_a_file(
    broker: Any, fairlead: Fairlead, tmp_path: Path
) -> None:
    file = tmp_path / "runs.csv"
    file.write_bytes(b"seed\n1\n2\n")
    broker.on("POST", "/v1/tables", says(TABLE, status=201))
    broker.on("POST", "/v1/tables/table_7/rows", says(RECEIPT, status=201))
    broker.on("GET", "/v1/tables/table_7", says(TABLE))
    run = fairlead(
        *("tables", "create", "runs", "--project", "lab"),
        *("--columns", "seed:integer!, label:text", "--from", str(file)),
    )
    assert run.exit_code == 0, run.output
    assert "name\tlab/runs\n" in run.stdout
    assert "column seed\tinteger, in each row\n" in run.stdout
    made, imported = broker.seen[0], broker.seen[1]
    assert made.json["columns"] == [
        {"name": "seed", "type": "integer", "nullable": False},
        {"name": "label", "type": "text", "nullable": True},
    ]
    assert (imported.body, imported.headers["Content-Type"]) == (b"seed\n1\n2\n", "text/csv")
    bad = fairlead("tables", "create", "runs", "--project", "lab", "--columns", "seed")
    assert bad.exit_code == 2


def test_tables_and_rows_are_listed(broker: Any, fairlead: Fairlead) -> None:
    broker.on("GET", "/v1/tables", says(samples.page(TABLE)))
    row = {"number": 1, "values": {"seed": 3, "label": None, "cold": True}}
    broker.on("GET", PATH, says(TABLE))
    broker.on("GET", f"{PATH}/rows", says(samples.page(row)))
    listed = fairlead("tables", "--project", "lab").stdout.splitlines()
    assert listed[1].split("\t")[:3] == ["table_7", "lab/runs", "2"]
    assert broker.seen[-1].query["project"] == "lab"
    run = fairlead("tables", "rows", "lab/runs", "--where", "cold=true", "--where", "label=")
    assert run.stdout.splitlines() == ["row\tseed\tlabel\tcold", "1\t3\t-\tyes"]
    assert json.loads(broker.seen[-1].query["where"]) == {"cold": True, "label": None}
    assert fairlead("--json", "tables").exit_code == 2  # --json stands behind the command
    assert json.loads(fairlead("tables", "rows", "lab/runs", "--json").stdout) == row


@pytest.mark.parametrize("where", ["seed", "seed=x", "nothing=1"])
def test_a_filter_that_does_not_fit_is_refused(broker: Any, fairlead: Fairlead, where: str) -> None:
    broker.on("GET", PATH, says(TABLE))
    assert fairlead("tables", "rows", "lab/runs", "--where", where).exit_code != 0
    assert len(broker.seen) == 1


def test_rows_are_imported_exported_and_deleted(
    broker: Any, fairlead: Fairlead, tmp_path: Path
) -> None:
    file, out = tmp_path / "runs.ndjson", tmp_path / "out.csv"
    file.write_bytes(b'{"seed": 1}\n')
    broker.on("POST", f"{PATH}/rows", says(RECEIPT, status=201))
    broker.on("GET", PATH, says(TABLE))
    broker.on("GET", f"{PATH}/export", serves(b"seed\r\n1\r\n", "text/csv"))
    broker.on("POST", f"{PATH}/rows:delete", says({"count": 2}))
    broker.on("DELETE", PATH, says(status=204))
    assert fairlead("tables", "import", "lab/runs", str(file)).stdout == "2 rows, number 1 to 2\n"
    assert broker.seen[-1].headers["Content-Type"] == "application/x-ndjson"
    assert fairlead("tables", "export", "lab/runs", str(out), "--where", "seed=1").exit_code == 0
    assert out.read_bytes() == b"seed\r\n1\r\n"
    assert broker.seen[-1].query == {"format": "csv", "where": '{"seed":1}'}
    assert [each.name for each in tmp_path.glob(".*.part")] == []
    assert fairlead("tables", "delete", "lab/runs", "--rows").stdout == "2 rows are deleted\n"
    assert broker.seen[-1].json == {"all": True}
    fairlead("tables", "delete", "lab/runs", "--where", "label=a")
    assert broker.seen[-1].json == {"where": {"label": "a"}}
    assert "in the trash" in fairlead("tables", "delete", "lab/runs").stdout
    assert broker.seen[-1].method == "DELETE"
    other = tmp_path / "runs.txt"
    assert fairlead("tables", "import", "lab/runs", str(other)).exit_code != 0


def test_submit_takes_its_jobs_from_a_table(broker: Any, fairlead: Fairlead) -> None:
    receipt = {"id": "batch_7", "jobs": 2, "first_job": "job_11"}
    broker.on("POST", "/v1/batches", says(receipt, status=201))
    broker.on("GET", PATH, says(TABLE))
    run = fairlead(
        *("submit", "lab/ising", "--table", "lab/runs", "--column", "s=seed", "-p", "t=2.5"),
        *("--where", "cold=true", "--job-name", "label", "--private"),
    )
    assert (run.exit_code, run.stdout) == (0, "batch_7\n")
    [body] = posted(broker)
    assert body == {
        "app": "lab/ising",
        "pool": "default",
        "name": "",
        "priority": 0,
        "private": True,
        "table": "lab/runs",
        "columns": {"s": "seed"},
        "constants": {"t": 2.5},
        "where": {"cold": True},
        "job_name": "label",
    }
    for wrong in (["--sweep", "a=1,2"], ["--jobs", "-"], ["--input", "a=b"]):
        assert fairlead("submit", "ising", "--table", "lab/runs", *wrong).exit_code == 2
    assert fairlead("submit", "ising", "--column", "s=seed").exit_code == 2


def test_a_batch_is_made_private(broker: Any, fairlead: Fairlead) -> None:
    broker.on("POST", "/v1/batches/batch_7:unshare", says(samples.batch()))
    assert "batch_7 is personal" in fairlead("make-private", "7").stdout


def test_an_app_is_made_in_a_project_changed_and_deleted(broker: Any, fairlead: Fairlead) -> None:
    broker.on("POST", "/v1/apps", says(APP, status=201))
    broker.on("PATCH", "/v1/apps/lab/ising", says(APP))
    broker.on("DELETE", "/v1/apps/lab/ising", says(status=204))
    run = fairlead("apps", "create", "ising", "--project", "lab", "--isolation", "shared")
    assert "name\tlab/ising\n" in run.stdout
    assert posted(broker)[0]["project"] == "lab"
    assert posted(broker)[0]["isolation"] == "shared"
    assert "isolation\tshared\n" in fairlead("apps", "set", "lab/ising", "--title", "I").stdout
    assert broker.seen[-1].json == {"title": "I"}
    assert fairlead("apps", "set", "lab/ising").exit_code == 2
    assert "in the trash" in fairlead("apps", "delete", "lab/ising").stdout


def test_a_draft_is_edited_and_the_history_tells(
    broker: Any, fairlead: Fairlead, tmp_path: Path
) -> None:
    spec = tmp_path / "spec.toml"
    spec.write_text('command = ["true"]\n')
    version = {
        "id": "version_3",
        "app": "app_2",
        "number": 2,
        "state": "draft",
        "spec": {"command": ["true"]},
        **MADE,
    }
    edit = {
        "id": "edit_9",
        "account": "account_1",
        "account_name": "ann",
        "kind": "version_changed",
        "version_number": 2,
        "changes": [{"field": "/spec/command", "before": ["false"], "after": ["true"]}],
        "at": "2025-01-01T00:00:00Z",
    }
    broker.on("PATCH", "/v1/apps/ising/versions/2", says(version))
    broker.on("GET", "/v1/apps/ising/history", says(samples.page(edit)))
    run = fairlead("apps", "edit", "ising", str(spec), "--version", "2")
    assert "state\tdraft\n" in run.stdout
    assert broker.seen[-1].json == {"spec": {"command": ["true"]}}
    listed = fairlead("apps", "history", "ising").stdout.splitlines()
    assert listed[1].split("\t")[1:] == ["ann", "version_changed", "2", "/spec/command"]
