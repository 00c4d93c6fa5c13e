"""Figures by role out of what locust prints."""

from typing import Any

from loadtests.run_locust import summary


def entry(name: str, times: dict[str, int], failures: int = 0) -> dict[str, Any]:
    return {
        "name": name,
        "num_requests": sum(times.values()),
        "num_failures": failures,
        "response_times": times,
        "start_time": 100.0,
        "last_request_timestamp": 110.0,
    }


def test_requests_are_summed_by_role() -> None:
    figures = summary(
        [
            entry("scientist: submit", {"5": 98, "90": 1}),
            entry("scientist: why", {"3": 1}, failures=1),
            entry("poll: poll", {"1000": 100}),
        ]
    )
    assert figures["requests"] == 200
    assert figures["failures"] == 1
    assert figures["requests_per_second"] == 20
    assert (figures["scientist_p50_ms"], figures["scientist_p99_ms"]) == (5, 5)
    assert figures["poll_p99_ms"] == 1000
