"""The plan of a cycle the obvious way: one job at a time, looking at everybody each time."""

from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np

from broker.scheduling import Snapshot


def grants_one_by_one(
    snapshot: Snapshot, weights: np.ndarray, group_weights: Sequence[float] = ()
) -> Counter[tuple[int, int]]:
    """Jobs granted by (lane row, host row). weights: adjusted, by account and by group."""
    accounts, lanes, hosts = snapshot.accounts, snapshot.lanes, snapshot.hosts
    existing = sum(1 << c for c in np.flatnonzero(snapshot.class_capacity > 0).tolist())
    masks = [int(mask) & existing for mask in lanes.classes]
    waiting = [int(p) if masks[i] else 0 for i, p in enumerate(lanes.pending)]
    need = [_triple(lanes, i, "slots", "cpus", "memory_mib") for i in range(len(masks))]
    free = [
        _triple(hosts, i, "slots_free", "cpus_free", "memory_mib_free")
        for i in range(hosts.id.size)
    ]
    in_order = _host_order(snapshot, masks, waiting, need, free)
    tree = _Tree(snapshot, [*weights.tolist(), *group_weights])
    size = accounts.id.size
    queues: list[list[int]] = [[] for _ in range(size)]
    for lane in range(len(masks)):
        account = int(lanes.account[lane])
        tree.hold(account, int(lanes.running[lane]) * need[lane][0])
        tree.serve(account, float(lanes.last_served[lane]))
        if waiting[lane] and any(_fits(need, masks, free, hosts, lane, h) for h in in_order):
            queues[account].append(lane)
    for queue in queues:
        queue.sort(key=lambda i: (lanes.last_served[i], _reach(snapshot, masks[i]), lanes.id[i]))

    granted: Counter[tuple[int, int]] = Counter()
    while any(queues):
        account = tree.next({a: need[queue[0]][0] for a, queue in enumerate(queues) if queue})
        lane = queues[account].pop(0)
        if not tree.allows(account, need[lane][0]):
            continue
        host = next((h for h in in_order if _fits(need, masks, free, hosts, lane, h)), None)
        if host is None:
            continue
        free[host] = tuple(f - n for f, n in zip(free[host], need[lane], strict=True))
        tree.hold(account, need[lane][0])
        tree.serve(account, np.inf)
        granted[lane, host] += 1
        waiting[lane] -= 1
        if waiting[lane]:
            queues[account].append(lane)
    return granted


class _Tree:
    """Accounts 0 .. n-1, then groups; -1 is the top."""

    def __init__(self, snapshot: Snapshot, weights: list[float]) -> None:
        accounts, groups = snapshot.accounts, snapshot.groups
        size = accounts.id.size
        above = [*accounts.group.tolist(), *groups.parent.tolist()]
        self.parent = [-1 if group < 0 else group + size for group in above]
        self.weight = [Fraction(w) for w in weights]
        both = [(accounts, name) for name in ("lag_slots", "minimum", "maximum")]
        self.lag, self.minimum, self.maximum = (
            [*getattr(table, name).tolist(), *getattr(groups, name).tolist()]
            for table, name in both
        )
        self.allocated = [0] * len(above)
        self.served = [-np.inf] * len(above)

    def path(self, node: int) -> Iterator[int]:
        while node >= 0:
            yield node
            node = self.parent[node]

    def hold(self, account: int, slots: int) -> None:
        for node in self.path(account):
            self.allocated[node] += slots

    def serve(self, account: int, moment: float) -> None:
        for node in self.path(account):
            self.served[node] = max(self.served[node], moment)

    def allows(self, account: int, slots: int) -> bool:
        return all(self.allocated[n] + slots <= self.maximum[n] for n in self.path(account))

    def next(self, heads: dict[int, int]) -> int:
        """The account served next, of those with a job; heads: the slots of that job."""
        best: dict[int, tuple[tuple[object, ...], int, int]] = {}
        depth = {node: len(list(self.path(node))) for node in range(len(self.parent))}
        for node in sorted(depth, key=lambda n: -depth[n]):
            if node in heads:
                account, slots = node, heads[node]
            elif node in best:
                _, account, slots = best[node]
            else:
                continue
            bid = (self._standing(node, slots), account, slots)
            best[self.parent[node]] = min(best.get(self.parent[node], bid), bid)
        return best[-1][1]

    def _standing(self, node: int, slots: int) -> tuple[object, ...]:
        held, weight = self.allocated[node], self.weight[node]
        tie = (self.served[node], node)
        if held < self.minimum[node]:
            return (0, -Fraction(self.minimum[node]) / (held + slots), *tie)
        if weight == 0:
            return (2, Fraction(held + slots), *tie)
        lag = min(max(Fraction(self.lag[node]), -slots), slots)
        return (1, (held + slots - lag) / weight, *tie)


def _triple(table, row, *names):
    return tuple(int(getattr(table, name)[row]) for name in names)


def _fits(need, masks, free, hosts, lane, host):
    suits = masks[lane] >> int(hosts.klass[host]) & 1
    return suits and all(n <= f for n, f in zip(need[lane], free[host], strict=True))


def _reach(snapshot, mask):
    return sum(int(s) for c, s in enumerate(snapshot.class_capacity) if mask >> c & 1)


def _host_order(snapshot, masks, waiting, need, free):
    """Least contended class first, then fewest free slots, least free memory, smallest id."""
    hosts = snapshot.hosts
    klass = [int(c) for c in hosts.klass]
    least = [
        min((n[kind] for n, w in zip(need, waiting, strict=True) if w), default=0)
        for kind in range(3)
    ]
    useful = [h for h in range(len(free)) if all(free[h][k] >= least[k] for k in range(3))]
    slots = Counter()
    for h in useful:
        slots[klass[h]] += free[h][0]
    pressure = Counter()
    for mask in set(masks):
        reach = sum(slots[c] for c in range(64) if mask >> c & 1)
        wanted = sum(w * n[0] for m, w, n in zip(masks, waiting, need, strict=True) if m == mask)
        for c in range(64):
            if mask >> c & 1 and reach:
                pressure[c] += Fraction(wanted, reach)
    return sorted(
        useful,
        key=lambda h: (pressure[klass[h]], klass[h], free[h][0], free[h][2], int(hosts.id[h])),
    )
