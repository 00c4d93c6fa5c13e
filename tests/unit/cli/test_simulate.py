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
        *[
            (["--half-life", days], f"--half-life: must be finite and above 0 days, not {days}")
            for days in ("0", "-1", "nan", "inf")
        ],
        (["--every", "inf"], "every_seconds must be finite"),
        (["--picture", "nowhere/shares.png"], "--picture: there is no directory nowhere"),
        (["--picture", "shares.xyz"], "--picture: Format 'xyz' is not supported"),
        (["--from-day", "9"], "trace has no jobs"),
        (["--quotas", "nowhere.csv"], "cannot read nowhere.csv: No such file or directory"),
    ],
)
def test_wrong_arguments_are_named(
    trace: Path, fairlead: Fairlead, arguments: list[str], said: str
) -> None:
    run = fairlead("simulate", str(trace), "--slots", "16", *arguments)
    assert run.exit_code == 5
    [line] = run.stderr.splitlines()
    assert said in line


@pytest.mark.parametrize("slots", ["0", "-1", "1.5", "nan", "99999999999999"])
def test_a_cluster_has_some_slots_and_not_too_many(
    trace: Path, fairlead: Fairlead, slots: str
) -> None:
    run = fairlead("simulate", str(trace), "--slots", slots)
    assert run.exit_code == 2
    assert "--slots" in run.stderr


@pytest.mark.parametrize("weight", ["nan", "-1", "inf", "much", ""])
def test_a_quota_that_is_none_is_named_by_its_line(
    trace: Path, fairlead: Fairlead, weight: str
) -> None:
    rows = ["lab,3", f"club,{weight}"]
    quotas = written(trace.parent / "quotas.csv", rows, "group,quota")
    arguments = ("simulate", str(trace), "--slots", "16", "--quotas", str(quotas))
    run = fairlead(*arguments)
    assert run.exit_code == 5
    assert f"{quotas} has 1 bad row" in run.stderr
    assert "  line 3: quota is " in run.stderr
    # left out, the group that it was for has no quota, and that is no 1
    run = fairlead(*arguments, "--skip-bad")
    assert run.exit_code == 5
    assert "has no quota for club" in run.stderr


def test_a_file_without_quotas_does_not_make_all_equal(trace: Path, fairlead: Fairlead) -> None:
    quotas = written(trace.parent / "quotas.csv", [], "group,quota")
    run = fairlead("simulate", str(trace), "--slots", "16", "--quotas", str(quotas))
    assert run.exit_code == 5
    assert run.stderr == f"fairlead: {quotas}: has no quotas\n"


def test_quotas_without_a_group_of_the_trace_are_refused(trace: Path, fairlead: Fairlead) -> None:
    quotas = written(trace.parent / "quotas.csv", ["lab,3"], "group,quota")
    run = fairlead("simulate", str(trace), "--slots", "16", "--quotas", str(quotas))
    assert run.exit_code == 5
    assert "quotas.groups has no quota for club" in run.stderr


@pytest.mark.parametrize(
    "content", [b"", b"\x1f\x8bnot really", b"\xff\xfe,user\n", b"no,columns\n"]
)
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
