"""Hosts that stand in several rows: GPUs of several kinds, or GPUs and CPU slots.

The planner divides rows, each with all cores and all memory that its host has free. So the jobs of
one plan on different rows may together ask for more than there is. What does not fit then is left
out, and waits for the next plan: the host asks anew as soon as it has the others.
"""

from dataclasses import dataclass, field

from broker.protocol.ids import HostId
from broker.scheduling import Snapshot
from broker.services.leader.fleet import Fleet


@dataclass(slots=True)
class SharedHosts:
    """Cores and memory that the grants of one plan leave of such hosts."""

    snapshot: Snapshot
    fleet: Fleet
    _left: dict[HostId, tuple[int, int]] = field(default_factory=dict)  # cores, MiB

    def take(self, lane: int, row: int, jobs: int) -> int:
        """How many of so many jobs of a lane still fit on the host of a row; they are taken."""
        host = self.fleet.host_of(row)
        if not self.fleet.has_several_rows(host):
            return jobs
        lanes, hosts = self.snapshot.lanes, self.snapshot.hosts
        cpus, memory_mib = self._left.get(host) or (
            int(hosts.cpus_free[row]),
            int(hosts.memory_mib_free[row]),
        )
        cpus_each, memory_mib_each = int(lanes.cpus[lane]), int(lanes.memory_mib[lane])
        if cpus_each:
            jobs = min(jobs, cpus // cpus_each)
        if memory_mib_each:
            jobs = min(jobs, memory_mib // memory_mib_each)
        self._left[host] = (cpus - jobs * cpus_each, memory_mib - jobs * memory_mib_each)
        return jobs

    def take_all(self, lane: int, rows: list[int]) -> bool:
        """Whether a member of a gang fits on each of these hosts; then all are taken."""
        before = self._left.copy()
        fits = all(self.take(lane, row, 1) for row in rows)
        if not fits:
            self._left = before
        return fits
