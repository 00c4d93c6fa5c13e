"""What a person sees when something is wrong, and how they log in."""

from typing import Any

import pytest

from broker import errors
from broker.cli import credentials

from .conftest import Fairlead, refuses, samples, says


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
