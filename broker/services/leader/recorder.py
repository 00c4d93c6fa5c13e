"""What the leader writes down of its decisions, so that they can be explained afterwards.

A row for each lane about which something changed, at most every few seconds, whatever the number of
cycles; the janitor drops them after `decisions_keep_hours`.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from broker.protocol.ids import LaneId
from broker.services.leader.backlog import Backlog
from broker.services.plans.board import Board
from broker.storage.decisions import Decision

RECORD_SECONDS = 5.0


@dataclass(slots=True)
class Recorder:
    """Remembers what was last written of each lane."""

    _last: dict[LaneId, tuple[str, float, int]] = field(default_factory=dict)
    _granted: dict[LaneId, int] = field(default_factory=lambda: defaultdict(int))
    _at: float = float("-inf")

    def granted(self, lane: LaneId) -> None:
        """A job of the lane was leased."""
        self._granted[lane] += 1

    def changes(self, now: Board, backlog: Backlog, *, term: int, cycle: int) -> list[Decision]:
        """What is new since the last call that was not too soon.

        Args:
            now: the plan that was just published.
        """
        if now.planned_at - self._at < RECORD_SECONDS:
            return []
        self._at = now.planned_at
        found: list[Decision] = []
        last: dict[LaneId, tuple[str, float, int]] = {}
        for lane_id, lane in now.lanes.items():
            account = backlog.lanes[lane_id].account
            standing = now.accounts[account]
            state = (lane.reason, standing.allocated_slots, round(standing.entitlement_slots))
            last[lane_id] = state
            granted = self._granted.pop(lane_id, 0)
            if granted or self._last.get(lane_id) != state:
                found.append(
                    Decision(
                        lane_id,
                        account,
                        term,
                        cycle,
                        lane.reason,
                        granted,
                        lane.pending_jobs,
                        standing.allocated_slots,
                        standing.entitlement_slots,
                        standing.weight_adjusted,
                        standing.rank,
                    )
                )
        self._last = last
        self._granted.clear()  # lanes that are gone
        return found
