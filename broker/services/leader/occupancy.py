"""The leader's memory of what runs where, read only while somebody needs to know.

Reservations ask when hosts make room, and reclaim asks whom to take back. Neither is in question in
nearly all cycles, and a read takes a row for each running job, so it is made when asked for and
then serves for a while. Jobs that began since count as holding their slots without an end, and of
those that ended since the slots are free already: both only blur an estimate, and a lease that is
gone is not taken back (`storage.preemption`).
"""

import math
from collections.abc import Set
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from broker.protocol.ids import JobId, LaneId
from broker.scheduling import Lanes, Running
from broker.services.leader.fleet import Fleet, place_key
from broker.storage.running import RunningRows, columns

READ_SECONDS = 2.0  # a read serves so long
READ_SHARE_MAX = (
    0.05  # and longer where it takes long: at most this part of the time is spent on it
)


@dataclass(slots=True)
class Occupancy:
    """What ran where at the last read."""

    rows: RunningRows = field(default_factory=columns)
    _pools: Set[str] = frozenset()
    read_at: float = -math.inf
    serves_seconds: float = READ_SECONDS
    _at: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def is_stale(self, pools: Set[str], now: float) -> bool:
        """Whether these pools want a new read."""
        return not pools <= self._pools or now - self.read_at > self.serves_seconds

    def load(self, rows: RunningRows, pools: Set[str], now: float, *, took_seconds: float) -> None:
        """Takes what was read for these pools just now."""
        self.rows, self._pools, self.read_at = rows, pools, now
        self.serves_seconds = max(READ_SECONDS, took_seconds / READ_SHARE_MAX)

    def columns(self, lanes: Lanes, fleet: Fleet, now: float) -> Running:
        """The rows as the scheduler reads them; without those whose lane or host is not there."""
        lane = _found(lanes.id, self.rows.lane_id)
        host = _found(fleet.place_keys, place_key(self.rows.host_id, self.rows.gpu_kind))
        self._at = np.flatnonzero((lane >= 0) & (host >= 0))
        lane, host = lane[self._at], host[self._at]
        age_seconds = self.rows.age_seconds[self._at] + max(0.0, now - self.read_at)
        return Running(
            id=self.rows.job_id[self._at],
            lane=lane,
            host=host,
            age_seconds=age_seconds,
            seconds_left=np.maximum(0.0, lanes.limit_seconds[lane] - age_seconds),
            leaving=self.rows.leaving[self._at],
        )

    def leases(self, rows: npt.NDArray[np.int64]) -> dict[tuple[JobId, int], LaneId]:
        """The lane of each lease, by job and epoch, of rows of the last `columns`."""
        at = self._at[rows]
        jobs, epochs, lanes = (
            column[at].tolist() for column in (self.rows.job_id, self.rows.epoch, self.rows.lane_id)
        )
        return {
            (JobId(job), epoch): LaneId(lane)
            for job, epoch, lane in zip(jobs, epochs, lanes, strict=True)
        }

    def asked(self, jobs: Set[JobId]) -> None:
        """Their hosts were asked to hand these jobs back."""
        self.rows.leaving[np.isin(self.rows.job_id, list(jobs))] = True


def _found(ids: npt.NDArray[np.int64], wanted: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
    """Where each wanted id stands in `ids`, -1 for nowhere. int32[wanted]."""
    if ids.size == 0:
        return np.full(wanted.size, -1, np.int32)
    order = np.argsort(ids)
    at = order[np.minimum(np.searchsorted(ids, wanted, sorter=order), ids.size - 1)]
    return np.where(ids[at] == wanted, at, -1).astype(np.int32)
