"""The plan of a cycle in straightforward Python: dicts, lists and heaps, one job at a time.

What `plan` does for a fleet without minima, maxima, lag and reservations: weights bent by history,
the tree of groups, exact shares, hosts by class, gangs, a reason for every lane and everybody's
place in line. It is what the compiled planner is compared with, and nothing else uses it.
"""

import heapq
import math
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from broker.scheduling import Snapshot

TOP = -1
DUE_LEAST = 1 / 20


@dataclass
class Outcome:
    """Jobs and slots granted; by account its entitlement in slots; by lane its reason."""

    jobs: int = 0
    slots: int = 0
    entitlement: dict[int, float] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    line: list[int] = field(default_factory=list)


class Plain:
    """One cycle over a snapshot. Nodes are accounts 0 .. n-1, then groups; TOP is the fleet."""

    def __init__(self, snapshot: Snapshot) -> None:
        accounts, groups, lanes = snapshot.accounts, snapshot.groups, snapshot.lanes
        self.size = accounts.id.size
        above = [*accounts.group.tolist(), *groups.parent.tolist()]
        self.parent = [TOP if group < 0 else group + self.size for group in above]
        self.children: dict[int, list[int]] = defaultdict(list)
        for node, parent in enumerate(self.parent):
            self.children[parent].append(node)
        self.quota = [*accounts.weight.tolist(), *groups.weight.tolist()]
        self.used = [*accounts.usage_gpu_seconds.tolist(), *groups.usage_gpu_seconds.tolist()]
        self.due = [*accounts.entitled_gpu_seconds.tolist(), *groups.entitled_gpu_seconds.tolist()]
        self.account = lanes.account.tolist()
        self.waiting = lanes.pending.tolist()
        columns = (lanes.slots, lanes.cpus, lanes.memory_mib, lanes.members, lanes.classes)
        self.need = list(zip(*(column.tolist() for column in columns), strict=True))
        self.running = lanes.running.tolist()
        self.served = lanes.last_served.tolist()
        self.capacity = snapshot.class_capacity.tolist()
        self.window = snapshot.half_life_seconds / math.log(2)
        self.snapshot = snapshot
        self.held: dict[int, int] = defaultdict(int)
        self.queues: list[list[int]] = [[] for _ in range(self.size)]

    def plan(self) -> Outcome:
        outcome = Outcome()
        weight = self._weights()
        demand = [0.0] * len(self.parent)
        for lane, (slots, _, _, members, _) in enumerate(self.need):
            jobs = self.waiting[lane] + self.running[lane]
            demand[self.account[lane]] += jobs * slots * members
            self._hold(self.account[lane], self.running[lane] * slots * members)
        self._divide(TOP, float(sum(self.capacity)), weight, self._wanted(demand), outcome)
        self._dispatch(weight, outcome)
        outcome.reasons = self._reasons(outcome)
        waits = {self.account[lane] for lane, jobs in enumerate(self.waiting) if jobs}
        standing = sorted(
            ((self.held[account] + 1) / weight[account], account) for account in waits
        )
        outcome.line = [account for _, account in standing]
        return outcome

    def _hold(self, node: int, slots: int) -> None:
        while node != TOP:
            self.held[node] += slots
            node = self.parent[node]

    def _weights(self) -> list[float]:
        """Quotas bent by what was used against what was due."""
        for node in self._from_below():
            if self.parent[node] != TOP:
                self.used[self.parent[node]] += self.used[node]
                self.due[self.parent[node]] += self.due[node]
        share = {TOP: float(sum(self.capacity))}
        weight = [0.0] * len(self.parent)
        for node in reversed(self._from_below()):
            siblings = sum(self.quota[other] for other in self.children[self.parent[node]])
            share[node] = share[self.parent[node]] * self.quota[node] / siblings
            measure = max(self.due[node], DUE_LEAST * share[node] * self.window)
            factor = 1 + (self.due[node] - self.used[node]) / measure
            weight[node] = self.quota[node] * min(max(factor, 0.25), 4.0)
        return weight

    def _from_below(self) -> list[int]:
        order, row = list(self.children[TOP]), 0
        while row < len(order):
            order += self.children[order[row]] if order[row] >= self.size else []
            row += 1
        return order[::-1]

    def _wanted(self, demand: list[float]) -> list[float]:
        for node in self._from_below():
            if self.parent[node] != TOP:
                demand[self.parent[node]] += demand[node]
        return demand

    def _divide(
        self, node: int, slots: float, weight: list[float], demand: list[float], outcome: Outcome
    ) -> None:
        """Water-filling among siblings, then below each."""
        left, weights = slots, sum(weight[child] for child in self.children[node])
        for child in sorted(self.children[node], key=lambda c: demand[c] / weight[c]):
            part = min(demand[child], left * weight[child] / weights)
            left, weights = left - part, weights - weight[child]
            if child >= self.size:
                self._divide(child, part, weight, demand, outcome)
            else:
                outcome.entitlement[child] = part

    def _line_up_hosts(self) -> None:
        hosts = self.snapshot.hosts
        wanted: dict[int, int] = defaultdict(int)
        for lane, need in enumerate(self.need):
            wanted[need[4]] += self.waiting[lane] * need[0] * need[3]
        slots = np.bincount(hosts.klass, hosts.slots_free, len(self.capacity)).tolist()
        pressure = [0.0] * len(slots)
        for mask, jobs in wanted.items():
            reach = sum(free for c, free in enumerate(slots) if mask >> c & 1)
            for c in range(len(slots)):
                if reach and mask >> c & 1:
                    pressure[c] += jobs / reach
        rows = zip(
            hosts.klass.tolist(),
            hosts.slots_free.tolist(),
            hosts.cpus_free.tolist(),
            hosts.memory_mib_free.tolist(),
            strict=True,
        )
        in_order = sorted(
            (row for row in rows if row[1] > 0),
            key=lambda row: (pressure[row[0]], row[0], row[1], row[3]),
        )
        self.klass = [row[0] for row in in_order]
        self.free = [list(row[1:]) for row in in_order]
        self.cursor: dict[tuple[int, ...], int] = {}

    def _find(self, need: tuple[int, ...]) -> list[int]:
        """Hosts of the members of one job, or none."""
        slots, cpus, memory_mib, members, mask = need
        found: list[int] = []
        at = self.cursor.get(need, 0)
        while at < len(self.free):
            free = self.free[at]
            fits = 0
            if mask >> self.klass[at] & 1 and free[0] >= slots:
                fits = min(free[0] // slots, free[1] // cpus, free[2] // memory_mib)
            if found and self.klass[found[0]] != self.klass[at]:
                found = []
            if fits and not found:
                self.cursor[need] = at
            found += [at] * min(fits, members - len(found))
            if len(found) == members:
                return found
            at += 1
        self.cursor[need] = len(self.free)
        return []

    def _dispatch(self, weight: list[float], outcome: Outcome) -> None:
        self._line_up_hosts()
        for lane in np.argsort(self.served, kind="stable").tolist():
            if self.waiting[lane]:
                self.queues[self.account[lane]].append(lane)
        heaps: dict[int, list[tuple[float, int]]] = {}
        for node in [*self._from_below(), TOP]:
            if node == TOP or node >= self.size:
                heaps[node] = [
                    (self._claim(child, weight), child)
                    for child in self.children[node]
                    if child >= self.size or self.queues[child]
                ]
                heapq.heapify(heaps[node])
        while True:
            path = [TOP]
            while heaps.get(path[-1]):
                path.append(heaps[path[-1]][0][1])
            if path == [TOP]:
                return
            if path[-1] >= self.size:  # a group in which nobody waits any more
                heapq.heappop(heaps[path[-2]])
                continue
            self._serve(path[-1], outcome)
            for parent, node in zip(path[-2::-1], path[:0:-1], strict=True):
                if node < self.size and not self.queues[node]:
                    heapq.heappop(heaps[parent])
                else:
                    heapq.heapreplace(heaps[parent], (self._claim(node, weight), node))

    def _claim(self, node: int, weight: list[float]) -> float:
        slots = 1
        if node < self.size and self.queues[node]:
            need = self.need[self.queues[node][0]]
            slots = need[0] * need[3]
        return (self.held[node] + slots) / weight[node]

    def _serve(self, account: int, outcome: Outcome) -> None:
        lane = self.queues[account].pop(0)
        need = self.need[lane]
        hosts = self._find(need)
        if not hosts:
            return
        for host in hosts:
            for kind in range(3):
                self.free[host][kind] -= need[kind]
        self._hold(account, need[0] * need[3])
        outcome.jobs += 1
        outcome.slots += need[0] * need[3]
        self.waiting[lane] -= 1
        if self.waiting[lane]:
            self.queues[account].append(lane)

    def _reasons(self, outcome: Outcome) -> list[str]:
        free: dict[int, int] = defaultdict(int)
        for klass, amounts in zip(self.klass, self.free, strict=True):
            free[klass] += amounts[0]
        reasons = []
        for lane, need in enumerate(self.need):
            suits = [c for c, n in enumerate(self.capacity) if n and need[4] >> c & 1]
            account = self.account[lane]
            if not self.waiting[lane]:
                reasons.append("granted_all")
            elif not suits:
                reasons.append("no_suitable_class")
            elif any(free[c] for c in suits):
                reasons.append("no_host_with_enough")
            elif self.held[account] + 1 > outcome.entitlement[account]:
                reasons.append("share_reached")
            else:
                reasons.append("no_free_slot")
        return reasons
