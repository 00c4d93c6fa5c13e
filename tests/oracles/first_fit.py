"""The simulator's queueing and placing as a plain loop, to compare the kernels with."""

from dataclasses import dataclass, field


@dataclass
class Job:
    """A job in order of submission; `key` is what its policy sorts it by."""

    row: int
    account: int
    parts: int
    slots: int
    limit: float
    key: tuple = ()


@dataclass
class Yard:
    """Hosts with free slots, what waits, and what runs: (end, job, hosts)."""

    free: list
    waiting: list = field(default_factory=list)
    running: list = field(default_factory=list)

    def find(self, free, job):
        """Best fit: fewest free slots, then the smaller row; None where it does not fit."""
        hosts = []
        for room, host in sorted((room, host) for host, room in enumerate(free)):
            hosts += [host] * (room // job.slots)
        return hosts[: job.parts] if len(hosts) >= job.parts else None

    def start(self, job, hosts, now):
        for host in hosts:
            self.free[host] -= job.slots
        self.waiting.remove(job)
        self.running.append((now + job.limit, job, hosts))

    def finish(self, row):
        for entry in self.running:
            if entry[1].row == row:
                for host in entry[2]:
                    self.free[host] += entry[1].slots
                self.running.remove(entry)
                return

    def serve_in_order(self, now, reserve):
        """Rows started, in order. With `reserve`, EASY backfill behind the first that waits."""
        started, due, later = [], None, None
        passed = set()
        for job in sorted(self.waiting, key=lambda job: (job.key, job.row)):
            lane = (job.account, job.parts, job.slots)
            if lane in passed:
                continue
            hosts = self.find(self.free, job)
            if due is not None and hosts is not None and now + job.limit > due:
                both = [min(pair) for pair in zip(self.free, later, strict=True)]
                hosts = self.find(both, job)
                if hosts is not None:
                    for host in hosts:
                        later[host] -= job.slots
            if hosts is not None:
                self.start(job, hosts, now)
                started.append(job.row)
            elif due is None and reserve:
                due, later = self.reservation(job)
            elif not reserve:
                passed.add(lane)
        return started

    def reservation(self, job):
        """When and beside what the job will fit."""
        later = list(self.free)
        for end in sorted({end for end, _, _ in self.running}):
            for other_end, other, hosts in self.running:
                if other_end == end:
                    for host in hosts:
                        later[host] += other.slots
            found = self.find(later, job)
            if found is not None:
                for host in found:
                    later[host] -= job.slots
                return end, later
        return float("inf"), later
