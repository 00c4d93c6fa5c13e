"""Reasons and sentences of jobs on hosts and of jobs that ended."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from broker.domain.fates import Ended, Held, explain_ended, explain_held
from broker.protocol.leases import Usage
from broker.protocol.resources import JobLimits, Resources
from broker.protocol.states import JobState, Outcome

HELD = Held(
    state=JobState.RUNNING,
    host="gpu-7",
    epoch=2,
    cancelling=False,
    held_seconds=725.0,
    lease_seconds_left=41.2,
    leased_at=datetime(2026, 3, 1, 2, 3, 4, tzinfo=UTC),
    limits=JobLimits(wall_seconds=7_200),
    slots=4,
)
ENDED = Ended(
    state=JobState.FAILED,
    attempts=1,
    failures=0,
    needs=Resources(memory_mib=512),
    limits=JobLimits(wall_seconds=90),
    outcome=Outcome.FAILED,
    exit_code=3,
    host="gpu-7",
    usage=Usage(wall_seconds=12.0, memory_peak_mib=600.4),
)


def test_running_job_tells_host_start_and_limits() -> None:
    explained = explain_held(HELD)
    assert explained.reason == "running"
    assert explained.sentence == (
        "It has been on host gpu-7 for 12 min (since 2026-03-01 02:03:04 UTC). Its limit of 2 h "
        "ends it at the latest; the host must renew its lease within 41 s."
    )
    assert explained.numbers == {
        "host": "gpu-7",
        "attempt": 2,
        "leased_at": "2026-03-01T02:03:04+00:00",
        "held_seconds": 725.0,
        "lease_seconds_left": 41.2,
        "wall_seconds_max": 7_200,
        "slots": 4,
    }


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"state": JobState.LEASED}, "leased"),
        ({"cancelling": True}, "cancelling"),
        ({"cancelling": True, "lease_seconds_left": -0.1}, "lease_expired"),
    ],
)
def test_other_reasons_of_jobs_on_hosts(more: dict[str, Any], reason: str) -> None:
    explained = explain_held(replace(HELD, **more))
    assert explained.reason == reason
    assert "gpu-7" in explained.sentence


@pytest.mark.parametrize(
    ("more", "reason", "words"),
    [
        ({}, "failed", "ended with exit code 3 after 12 s on host gpu-7; see its logs"),
        ({"exit_code": -11}, "failed", "signal 11 (SIGSEGV)"),
        ({"outcome": Outcome.TIMED_OUT}, "timed_out", "reached its limit of 90 s"),
        ({"outcome": Outcome.OUT_OF_MEMORY}, "out_of_memory", "512 MiB of memory (peak 600 MiB)"),
        ({"outcome": Outcome.OUTPUT_INVALID}, "output_invalid", "missing or too large"),
        ({"message": "no such file"}, "failed", 'The host says: "no such file".'),
        (
            {"state": JobState.SUCCEEDED, "outcome": Outcome.SUCCEEDED, "exit_code": 0},
            "succeeded",
            "It succeeded after 12 s on host gpu-7.",
        ),
        (
            {"state": JobState.QUARANTINED, "outcome": Outcome.LOST, "failures": 5},
            "quarantined",
            "Hosts lost or broke 5 attempts",
        ),
        (
            {"state": JobState.CANCELLED, "outcome": Outcome.CANCELLED},
            "cancelled",
            "It was cancelled after 12 s on host gpu-7.",
        ),
        (
            {"state": JobState.CANCELLED, "outcome": None, "attempts": 0, "host": None},
            "cancelled",
            "It was cancelled before it started.",
        ),
        ({"host": None}, "failed", "on host (removed)"),
    ],
)
def test_ended_jobs_tell_how(more: dict[str, Any], reason: str, words: str) -> None:
    explained = explain_ended(replace(ENDED, **more))
    assert explained.reason == reason
    assert words in explained.sentence


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("state", [s for s in JobState if s not in ("queued", "leased", "running")])
def test_every_end_has_a_sentence(state: JobState, outcome: Outcome) -> None:
    explained = explain_ended(replace(ENDED, state=state, outcome=outcome))
    assert explained.sentence.endswith(".")
    assert explained.numbers["attempts"] == 1
