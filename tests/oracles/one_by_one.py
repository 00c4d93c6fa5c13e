"""The plan of a cycle the obvious way: one job at a time, looking at everybody each time."""

from collections import Counter
from fractions import Fraction

import numpy as np

from broker.scheduling import Snapshot


def grants_one_by_one(snapshot: Snapshot, weights: np.ndarray) -> Counter[tuple[int, int]]:
    """Jobs granted by (lane row, host row). weights: adjusted, by account."""
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
    allocated = [0] * accounts.id.size
    served: list[float] = [-np.inf] * accounts.id.size
    queues: list[list[int]] = [[] for _ in served]
    for lane in range(len(masks)):
        account = int(lanes.account[lane])
        allocated[account] += int(lanes.running[lane]) * need[lane][0]
        served[account] = max(served[account], float(lanes.last_served[lane]))
        if waiting[lane] and any(_fits(need, masks, free, hosts, lane, h) for h in in_order):
            queues[account].append(lane)
    for queue in queues:
        queue.sort(key=lambda i: (lanes.last_served[i], _reach(snapshot, masks[i]), lanes.id[i]))

    granted: Counter[tuple[int, int]] = Counter()
    for tier in (np.flatnonzero(weights > 0), np.flatnonzero(weights == 0)):
        while line := [int(a) for a in tier if queues[a]]:

            def standing(a: int) -> tuple[Fraction, float, int]:
                weight = Fraction(float(weights[a])) or Fraction(1)
                slots = need[queues[a][0]][0]
                lag = min(max(Fraction(float(accounts.lag_slots[a])), -slots), slots)
                return (allocated[a] + slots - lag) / weight, served[a], int(accounts.id[a])

            account = min(line, key=standing)
            lane = queues[account].pop(0)
            host = next((h for h in in_order if _fits(need, masks, free, hosts, lane, h)), None)
            if host is None:
                continue
            free[host] = tuple(f - n for f, n in zip(free[host], need[lane], strict=True))
            allocated[account] += need[lane][0]
            served[account] = np.inf
            granted[lane, host] += 1
            waiting[lane] -= 1
            if waiting[lane]:
                queues[account].append(lane)
    return granted


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
