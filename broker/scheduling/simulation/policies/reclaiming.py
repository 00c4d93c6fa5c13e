"""Fairlead where all pools allow preemption: `reclaims` as the broker would ask it, once a minute.

A job that is taken back has no checkpoint: it begins anew, and what it computed is lost. Its grace
counts as nothing. The slots that it held are usage, as in the broker.
"""

import numpy as np

from broker.scheduling.columns import Int32s
from broker.scheduling.cycle import plan
from broker.scheduling.history import faded
from broker.scheduling.reclaim import Reclaim, reclaims
from broker.scheduling.simulation.policies.fairlead import Fairlead, present
from broker.scheduling.simulation.scene import Scene
from broker.scheduling.simulation.state import State

JOBS_MAX = 10  # a minute, as pools have it that do not say otherwise


class Reclaiming(Fairlead):
    """See the module."""

    def __init__(self, scene: Scene, state: State, minimum_run_seconds: float) -> None:
        super().__init__(scene, state)
        self._rules = Reclaim(
            np.zeros(state.free.size, np.int32),
            np.array([minimum_run_seconds]),
            np.array([JOBS_MAX]),
        )

    def reclaim(self, now: float) -> Int32s:
        """Jobs for accounts that wait below what they are owed."""
        lanes = present(self._state.waiting, self._running)
        hosts = self._ids[: self._state.free.size]
        snapshot = self._snapshot(lanes, hosts, self._runs(lanes, now))
        decided = plan(snapshot, now, explain=False)
        rows = reclaims(snapshot, decided, self._rules, now)
        return np.unique(snapshot.running.id[rows]).astype(np.int32)

    def stopped(self, job: int) -> None:
        """It runs no more; its lane's guess of how long jobs take stays."""
        state, lane = self._state, self._state.lane[job]
        self._stale = True
        self._running[lane] -= 1
        begun = state.ends[job] - state.limit[job]
        self._started[lane] -= begun
        held = faded(self._now - begun, self._half_life_seconds)
        self._used[state.account[job]] += held * state.parts[job] * state.slots[job]
