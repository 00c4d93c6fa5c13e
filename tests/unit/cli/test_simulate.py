"""`fairlead simulate`: files in; a table, JSON and a picture out; bad rows named."""

import gzip
import json
from pathlib import Path

import pytest

from .conftest import Fairlead

ROWS = [
    f"{job},,{'lab' if job % 2 else 'club'},{1 + 7 * (job % 5 == 0)},{10 * job},{100 + job},Pass"
    for job in range(60)
]
HEADING = "job_id,user,group,gpus,submit_s,duration_s,state"


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return written(tmp_path / "trace.csv", ROWS)


def written(file: Path, rows: list[str], heading: str = HEADING) -> Path:
    file.write_text("\n".join([heading, *rows, ""]))
    return file


def test_all_policies_stand_in_one_table(trace: Path, fairlead: Fairlead) -> None:
    run = fairlead("simulate", str(trace), "--slots", "16", "--policy", "all")
    assert run.exit_code == 0, run.output
    heading, *lines = [line.split("\t") for line in run.stdout.splitlines()]
    assert heading[:4] == ["policy", "error %", "worst lag GPU-h", "Jain"]
    names = [line[0] for line in lines]
    assert names == ["fairlead", "fifo", "slurm-fairtree", "htcondor", "boinc"]
    assert all(len(line) == len(heading) for line in lines)


def test_json_has_a_line_a_policy_with_figures_and_course(trace: Path, fairlead: Fairlead) -> None:
    quotas = written(trace.parent / "quotas.csv", ["lab,3", "club,1"], "group,quota")
    run = fairlead("simulate", str(trace), "--slots", "16", "--quotas", str(quotas), "--json")
    [report] = [json.loads(line) for line in run.stdout.splitlines()]
    assert (report["policy"], report["jobs"], report["slots"]) == ("fairlead", 60, 16)
    assert 0 <= report["metrics"]["fairness_error"] < 1
    assert report["course"]["groups"] == ["club", "lab"]
    assert len(report["course"]["held"]) + 1 == len(report["course"]["hours"])


def test_a_compressed_trace_and_a_stretch_of_days(tmp_path: Path, fairlead: Fairlead) -> None:
    rows = [f"{job},u,g,1,{86_400 * job},100," for job in range(10)]
    packed = tmp_path / "trace.csv.gz"
    packed.write_bytes(gzip.compress("\n".join([HEADING, *rows]).encode()))
    run = fairlead(
        "simulate", str(packed), "--slots", "8", "--from-day", "2", "--days", "3", "--json"
    )
    assert json.loads(run.stdout)["jobs"] == 3


def test_a_trace_comes_from_stdin(trace: Path, fairlead: Fairlead) -> None:
    run = fairlead("simulate", "-", "--slots", "16", "--json", input=trace.read_text())
    assert json.loads(run.stdout)["jobs"] == 60


def test_bad_rows_stop_it_and_are_named(trace: Path, fairlead: Fairlead) -> None:
    file = written(trace.parent / "bad.csv", [*ROWS, "x,,lab,0,1,1,", *["y,,,1,1,1,"] * 30])
    run = fairlead("simulate", str(file), "--slots", "16")
    assert run.exit_code == 5
    assert run.stdout == ""
    first, second, *rest = run.stderr.splitlines()
    assert first == f"fairlead: {file} has 31 bad rows; --skip-bad leaves them out"
    assert second == "  line 62: gpus is 0, not 1 to 1000000"
    assert rest[0] == "  line 63: user and group are both empty"
    assert (len(rest), rest[-1]) == (20, "  and: 11 more")


def test_bad_rows_can_be_left_out(trace: Path, fairlead: Fairlead) -> None:
    file = written(trace.parent / "bad.csv", [*ROWS, "x,,lab,99,1,1,"])
    run = fairlead("simulate", str(file), "--slots", "16", "--skip-bad", "--json")
    assert json.loads(run.stdout)["jobs"] == 60
    assert "left out 1 bad row\n  line 62: gpus is 99: no such job fits" in run.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--policy", "lottery"], "--policy: 'lottery' is none of fairlead, fifo"),
        (["--half-life", "0"], "half_life_seconds must be finite and above 0"),
        (["--from-day", "9"], "trace has no jobs"),
        (["--quotas", "nowhere.csv"], "cannot read nowhere.csv: No such file or directory"),
    ],
)
def test_wrong_arguments_are_named(
    trace: Path, fairlead: Fairlead, arguments: list[str], said: str
) -> None:
    run = fairlead("simulate", str(trace), "--slots", "16", *arguments)
    assert run.exit_code == 5
    assert said in run.stderr


def test_quotas_without_a_group_of_the_trace_are_refused(trace: Path, fairlead: Fairlead) -> None:
    quotas = written(trace.parent / "quotas.csv", ["lab,3"], "group,quota")
    run = fairlead("simulate", str(trace), "--slots", "16", "--quotas", str(quotas))
    assert run.exit_code == 5
    assert "quotas.groups has no quota for club" in run.stderr


@pytest.mark.parametrize("content", [b"\x1f\x8bnot really", b"\xff\xfe,user\n", b"no,columns\n"])
def test_what_is_no_trace_is_refused(tmp_path: Path, fairlead: Fairlead, content: bytes) -> None:
    file = tmp_path / "trace.csv"
    file.write_bytes(content)
    run = fairlead("simulate", str(file), "--slots", "16")
    assert run.exit_code == 5
    assert run.stderr.startswith(f"fairlead: {file}: ")


def test_a_picture_is_drawn(trace: Path, fairlead: Fairlead) -> None:
    picture = trace.parent / "shares.png"
    rows = [row.replace("club", f"club{n % 9}") for n, row in enumerate(ROWS)]
    many = written(trace.parent / "many.csv", rows)
    for file in (trace, many):
        run = fairlead(
            "simulate", str(file), "--slots", "16", "--policy", "all", "--picture", str(picture)
        )
        assert run.exit_code == 0, run.output
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert picture.stat().st_size > 20_000
