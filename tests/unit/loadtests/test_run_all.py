"""The benches work, as scripts and through `run_all`: small, on real servers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from loadtests.performance_page import runs_of

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "loadtests"
SCRIPTS = sorted(p.name for p in [*FOLDER.glob("bench_*.py"), *FOLDER.glob("run_*.py")])


@pytest.mark.parametrize("script", SCRIPTS)
def test_bench_starts_as_a_script_from_anywhere(script: str, tmp_path: Path) -> None:
    command = [sys.executable, str(FOLDER / script), "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout


@pytest.mark.slow
def test_quick_run_measures_latency_and_writes_the_page(tmp_path: Path) -> None:
    written = tmp_path / "performance.md"
    command = [sys.executable, "-m", "loadtests.run_all", "--quick", "--only", "latency"]
    done = subprocess.run(
        [*command, "--output", str(written)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    run = runs_of(written.read_text())["latency"]
    assert run.error == ""
    assert run.result["submissions"] == 20
    assert 0 < run.result["lease_p50_ms"] <= run.result["lease_p99_ms"]
    line = next(line for line in done.stdout.splitlines() if line.startswith("{"))
    assert json.loads(line) == run.result
