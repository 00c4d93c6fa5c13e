"""What an agent that died left behind: processes to kill, attempts to report.

Used by the next agent when it starts, and by the guardian as soon as the agent is dead. A leftover
process is known by the pid and start time that were noted when it started, or by the attempt's
mark in its environment.
"""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from signal import SIGKILL

from pydantic import AwareDatetime, ValidationError

from broker.protocol.base import View
from broker.protocol.ids import JobId
from broker.protocol.leases import Report
from broker.protocol.states import Outcome
from workers import processes
from workers.environment import ATTEMPT_VARIABLE
from workers.leases import Key
from workers.state_directory import AttemptDirectory, StateDirectory

RESTARTED = "agent restarted"
_KILL_SECONDS_MAX = 10.0
_NO_ROOT = -1


class Record(View):
    """`attempt.json`: a command that was started."""

    job: int
    epoch: int
    pid: int
    started: str
    """Boot and start time of the process, which with the pid name it for good."""
    started_at: AwareDatetime


def kill_leftovers(state: StateDirectory) -> int:
    """Kill every process of recorded attempts; how many were found. Blocks."""
    roots = [record.pid for record in _records(state) if _alive(record)]
    mark = f"{ATTEMPT_VARIABLE}={state.attempts}/"
    found: set[int] = set()
    give_up = time.monotonic() + _KILL_SECONDS_MAX
    quiet_looks = 0
    while quiet_looks < 2 and time.monotonic() < give_up:
        rows, _ = processes.sight(_NO_ROOT, mark)
        for root in roots:
            rows += processes.members(processes.table(), root)
        alive = [row for row in rows if not row.zombie]
        processes.send(SIGKILL, alive)
        found |= {row.pid for row in alive}
        quiet_looks = 0 if alive else quiet_looks + 1
        time.sleep(0.01)
    return len(found)


def lost_attempts(state: StateDirectory, reported: Iterable[Key]) -> list[Report]:
    """Reports of attempts that died with an earlier agent.

    Args:
        reported: leases whose reports are in the spool; they ended before the agent did.
    """
    known = set(reported)
    return [
        Report(
            job=JobId(record.job),
            epoch=record.epoch,
            outcome=Outcome.HOST_ERROR,
            message=RESTARTED,
            started_at=record.started_at,
        )
        for record in _records(state)
        if Key(JobId(record.job), record.epoch) not in known
    ]


def _records(state: StateDirectory) -> Iterator[Record]:
    for path in sorted(state.attempts.iterdir()):
        if record := _read(AttemptDirectory(path).record):
            yield record


def _read(path: Path) -> Record | None:
    try:
        return Record.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None  # never started, or cut off by a crash: the broker leases it anew


def _alive(record: Record) -> bool:
    return processes.started(record.pid) == record.started
