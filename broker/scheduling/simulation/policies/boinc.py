"""BOINC's linear-bounded model: a logical end time for each user's work, the earliest first.

A submission moves its user's logical time to max(it, now) + runtime / share, where runtime is what
the whole project would need for the work and share the user's part of all quotas; the result is the
job's priority for good. Quotas are per user: BOINC knows no groups, so a user's quota here is the
part that the tree of groups gives. Past use beyond that logical time is not remembered.

Jobs over several hosts do not exist in BOINC; here they start when the hosts happen to be free, and
like every job that fits nowhere they are passed over meanwhile: the server hands a host the best
jobs that suit it and reserves nothing.

Source: user_priority_delta in tools/backend_lib.cpp, sched/adjust_user_priority.cpp and
html/user/submit_rpc_handler.php of BOINC. Job sizes are known exactly.
"""

import numpy as np

from broker.scheduling.columns import Int32s
from broker.scheduling.simulation.in_order import serve_in_order
from broker.scheduling.simulation.scene import Scene
from broker.scheduling.simulation.state import State


def logical_end(logical: float, now: float, runtime_seconds: float, share: float) -> float:
    """The user's logical time after a submission, in seconds.

    runtime_seconds: of the submitted work on the whole project. share: quota / sum of all quotas;
    0 never comes to its turn while others wait (BOINC divides by zero there).
    """
    return max(logical, now) + (runtime_seconds / share if share > 0 else np.inf)


class Boinc:
    """See the module."""

    def __init__(self, scene: Scene, state: State) -> None:
        self._state = state
        trace, slots = scene.trace, float(scene.fleet.slots)
        self._runtime = (trace.gpus * trace.duration_seconds / slots).tolist()
        self._account = trace.account.tolist()
        self._share = (scene.tree.slices(slots) / slots).tolist()
        self._logical = [0.0] * len(self._share)
        self._priority = np.zeros(trace.jobs)
        self._same_account = np.zeros(state.held.size)

    def advance(self, now: float) -> None:
        """Time does not change a priority."""

    def submitted(self, first: int, last: int, now: float) -> None:
        """Each job is a submission of its own."""
        for job in range(first, last):
            user = self._account[job]
            self._logical[user] = logical_end(
                self._logical[user], now, self._runtime[job], self._share[user]
            )
            self._priority[job] = self._logical[user]

    def ended(self, job: int, seconds: float) -> None:
        """What a job really took does not change a priority."""

    def cycle(self, now: float) -> Int32s:
        """By logical end time."""
        return serve_in_order(self._state, self._same_account, self._priority, now, False)
