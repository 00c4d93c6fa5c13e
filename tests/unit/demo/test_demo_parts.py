"""What is submitted, how it is told, and what is drawn."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from broker.demo import onsager, pictures, report
from broker.demo.ising import Result
from broker.demo.measure import Attempt, Window
from broker.demo.report import Report
from broker.demo.scientists import SCIENTISTS, Design, app_version
from broker.demo.table import Standing, line, table
from broker.domain.parameters import check_inputs, job_adapter
from broker.errors import StartupError
from workers.command import expand

GOOD = Report(
    quotas={"ada": 0.5, "ben": 0.5},
    shares={"ada": 0.51, "ben": 0.49},
    slot_seconds={"ada": 51.0, "ben": 49.0},
    share_error_points=1.0,
    contention_seconds=40.0,
    deviation_max=0.001,
    energy_deviation_max=0.001,
    points=[],
    jobs=10,
    jobs_succeeded=10,
    jobs_failed=0,
    pictures=["demo/shares.png"],
    seconds=50.0,
    slots=4,
)


def written(draw: object) -> str:
    console = Console(file=StringIO(), width=80)
    console.print(draw)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_sweeps_are_in_proportion_to_quotas_and_no_two_chains_are_equal() -> None:
    jobs = [list(Design().jobs(scientist)) for scientist in SCIENTISTS]
    per_quota = {len(js) / s.quota for js, s in zip(jobs, SCIENTISTS, strict=True)}
    assert len(per_quota) == 1
    everything = [job for js in jobs for job in js]
    assert len({job.parameters["seed"] for job in everything}) == len(everything)


def test_the_first_jobs_of_a_sweep_cover_all_temperatures() -> None:
    design = Design()
    first = list(design.jobs(SCIENTISTS[0]))[: len(design.temperatures)]
    assert [job.parameters["temperature"] for job in first] == list(design.temperatures)


def test_the_app_takes_the_jobs_and_makes_a_command_of_them() -> None:
    spec = app_version()
    job = next(Design().jobs(SCIENTISTS[0]))
    (checked,) = job_adapter(spec).validate_json(b"[" + job.model_dump_json().encode() + b"]")
    assert check_inputs(spec, frozenset(job.inputs)) == []
    parameters = checked.parameters.model_dump(by_alias=True)
    arguments = expand(spec.command, parameters, python="python")
    assert arguments[:4] == ["python", "ising.py", "--temperature", "1.5"]
    assert arguments[-2:] == ["--start", "ordered"]
    assert "def simulate" in spec.files["ising.py"]


def test_a_good_report_has_no_faults() -> None:
    assert GOOD.faults() == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"share_error_points": 2.0}, "2.00 points from the quotas"),
        ({"share_error_points": None}, "no contention"),
        ({"deviation_max": 0.02}, "magnetisation is 0.0200 from the exact"),
        ({"deviation_max": None}, "no magnetisation to compare"),
        ({"energy_deviation_max": 0.5}, "energy is 0.5000 from the exact"),
        ({"jobs_failed": 3}, "3 of 10 jobs failed"),
    ],
)
def test_a_bad_report_says_which_promise_was_not_kept(change: dict[str, float], said: str) -> None:
    (fault,) = replace(GOOD, **change).faults()  # type: ignore[arg-type]
    assert said in fault


def test_the_report_for_a_person_names_errors_and_pictures() -> None:
    console = Console(file=StringIO(), width=100)
    report.show(replace(GOOD, points=points()), Design(), console)
    assert isinstance(console.file, StringIO)
    text = console.file.getvalue()
    assert "largest share error: 1.00 percentage points" in text
    assert "largest deviation of the magnetisation" in text
    assert "demo/shares.png" in text


def test_the_live_table_shows_share_against_quota() -> None:
    rows = [Standing("ada", 0.5, 0.525, 2, 10, 40), Standing("ben", 0.3, None, 0, 0, 20)]
    text = written(table(rows, "4 slots"))
    assert "50.0%" in text
    assert "+2.5" in text
    assert "  10 / 40  " in text
    assert line(rows, 7) == "  7 s: ada 52.5% of 50%, 10/40 jobs; ben - of 30%, 0/20 jobs"


def points() -> list[onsager.Point]:
    return onsager.merged(
        Result(t, 64, 1, 100, onsager.magnetisation(t), 0.01, onsager.energy(t), 0.01)
        for t in (1.5, 2.0, 3.0)
    )


def test_pictures_are_drawn(tmp_path: Path) -> None:
    attempts = [Attempt(name, i, i + 1, 1) for i in range(5) for name in ("ada", "ben")]
    curve, shares = tmp_path / "magnetisation.png", tmp_path / "shares.png"
    pictures.draw_magnetisation(curve, points(), 64)
    pictures.draw_shares(shares, attempts, {"ada": 5, "ben": 5}, Window(0, 5), 2.0)
    for file in (curve, shares):
        assert file.read_bytes().startswith(b"\x89PNG")
        assert file.stat().st_size > 10_000


def test_a_missing_matplotlib_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "find_spec", lambda name: None)
    with pytest.raises(StartupError, match=r"fairlead\[demo\]"):
        pictures.require()
