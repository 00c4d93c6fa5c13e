"""What an agent says about attempts that died with the one before it."""

import subprocess

from broker.protocol.states import Outcome
from workers.leases import Key
from workers.recovery import kill_leftovers, lost_attempts
from workers.state_directory import StateDirectory


def test_attempts_without_a_report_are_lost_and_those_with_one_are_not(
    state: StateDirectory,
) -> None:
    ended, died = Key(1, 1), Key(2, 3)
    for key in (ended, died):
        state.attempt(key).path.mkdir()
        state.write_record(key, pid=1, started="boot 1", started_at="2025-01-01T00:00:00Z")
    state.attempt(Key(3, 1)).path.mkdir()  # never started
    (report,) = lost_attempts(state, [ended])
    assert (report.job, report.epoch, report.outcome) == (2, 3, Outcome.HOST_ERROR)


def test_a_stranger_who_got_the_pid_of_an_attempt_is_left_alone(state: StateDirectory) -> None:
    stranger = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    try:
        key = Key(1, 1)
        state.attempt(key).path.mkdir()
        state.write_record(
            key, pid=stranger.pid, started="boot 1", started_at="2025-01-01T00:00:00Z"
        )
        assert kill_leftovers(state) == 0
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.communicate()
