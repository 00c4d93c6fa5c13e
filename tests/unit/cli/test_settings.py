"""Settings that make no sense: one line names each variable, and nothing has started."""

from pathlib import Path

import pytest

from .conftest import Fairlead

HALF_LIFE = "FAIRLEAD_HALF_LIFE_SECONDS"
SERVERS = {
    "FAIRLEAD_DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/x",
    "FAIRLEAD_REDIS_URL": "redis://:secret@127.0.0.1:1/0",
    "FAIRLEAD_FILES_DIRECTORY": "files",
}


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        (HALF_LIFE, "0", "greater than 0"),
        (HALF_LIFE, "-1", "greater than 0"),
        (HALF_LIFE, "nan", "finite"),
        (HALF_LIFE, "inf", "finite"),
        (HALF_LIFE, "1e400", "finite"),
        (HALF_LIFE, "1e300", "less than or equal to"),
        (HALF_LIFE, "a week", "a valid number"),
        (HALF_LIFE, "", "a valid number"),
        ("FAIRLEAD_HISTORY_STRENGTH", "nan", "finite"),
        ("FAIRLEAD_HISTORY_STRENGTH", "-1", "greater than or equal to 0"),
        ("FAIRLEAD_HOST_SILENT_SECONDS", "inf", "finite"),
        ("FAIRLEAD_EVENTS_KEEP_HOURS", "1e300", "less than or equal to"),
        ("FAIRLEAD_LEASE_SECONDS", "0", "greater than or equal to 1"),
        ("FAIRLEAD_PORT", "99999", "less than or equal to 65535"),
    ],
)
def test_a_bad_setting_is_one_line_with_its_name(
    fairlead: Fairlead, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    for name, given in {**SERVERS, variable: value}.items():
        monkeypatch.setenv(name, given)
    run = fairlead("serve")
    assert run.exit_code == 9
    [line] = run.stderr.splitlines()
    assert line.startswith(f"fairlead: cannot start; {variable}: ")
    assert said in line
    assert "secret" not in line


def test_all_bad_settings_are_named_at_once(
    fairlead: Fairlead, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HALF_LIFE, "0")
    monkeypatch.setenv("FAIRLEAD_PROJECT_APPS", "maybe")
    run = fairlead("serve")
    assert run.exit_code == 9
    [line] = run.stderr.splitlines()
    for name in ("DATABASE_URL: is missing", "HALF_LIFE_SECONDS: ", "PROJECT_APPS: "):
        assert f"FAIRLEAD_{name}" in line


def test_servers_that_are_away_are_one_line_and_a_code(
    fairlead: Fairlead, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, given in SERVERS.items():
        monkeypatch.setenv(name, given)
    run = fairlead("serve", "--port", "0")
    assert (run.exit_code, run.stdout) == (9, "")
    said = "cannot use PostgreSQL at 127.0.0.1:1: connection refused; check FAIRLEAD_DATABASE_URL"
    assert run.stderr == f"fairlead: {said} and that the server runs\n"


@pytest.mark.parametrize("command", ["up", "demo"])
def test_a_bad_setting_stops_what_brings_its_own_servers_before_they_start(
    fairlead: Fairlead, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    monkeypatch.setenv(HALF_LIFE, "nan")
    monkeypatch.chdir(tmp_path)
    run = fairlead(command, "--directory", str(tmp_path / "data"))
    assert run.exit_code == 9
    [line] = run.stderr.splitlines()
    assert line.startswith(f"fairlead: cannot start; {HALF_LIFE}: ")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("FAIRLEAD_GPU_SHARES", "3", "expected 1, 2, 4 or 8"),
        ("FAIRLEAD_IDLE_EXIT_SECONDS", "nan", "finite"),
        ("FAIRLEAD_URL", "ftp://x", "expected http(s)://host"),
        ("FAIRLEAD_POOL", "Big Pool", "expected lower-case letters"),
    ],
)
def test_a_bad_setting_of_a_worker_is_one_line_with_its_name(
    fairlead: Fairlead, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    run = fairlead("worker")
    assert run.exit_code == 9
    [line] = run.stderr.splitlines()
    assert line.startswith(f"fairlead: cannot start; {variable}: ")
    assert said in line
