"""Fleets on which jobs run, for what is said of taking them back; and that said the plain way."""

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np
from hypothesis import strategies as st

from broker.scheduling import Groups, Plan, Reclaim, Running, Snapshot
from tests.oracles.fleets import after, fleet

NEED = ("slots", "cpus", "memory_mib")


@st.composite
def busy_fleets(draw, tree=False, narrow=False, lags=(0.0,), bounded=True):
    """A snapshot whose hosts are mostly full. narrow: one kind of host, all jobs of one slot."""
    size = draw(st.integers(2, 5))
    lane = st.fixed_dictionaries(
        {
            "account": st.integers(0, size - 1),
            "pending": st.sampled_from([0, 1, 2, 9]),
            "slots": st.just(1) if narrow else st.sampled_from([1, 1, 2, 4]),
            "cpus": st.just(0) if narrow else st.integers(0, 2),
            "memory_mib": st.just(0) if narrow else st.sampled_from([0, 1]),
            "members": st.just(1) if narrow else st.sampled_from([1, 1, 1, 2, 3]),
            "members_on_host": st.just(2**31 - 1) if narrow else st.sampled_from([1, 2, 9]),
            "classes": st.just(1) if narrow else st.sampled_from([1, 1, 2, 3]),
            "last_served": st.sampled_from([0.0, 1.0]),
        }
    )
    lanes = draw(st.lists(lane, min_size=2, max_size=6))
    kinds = st.just((0, 8, 16, 8)) if narrow else st.sampled_from([(0, 8, 16, 8), (1, 4, 4, 2)])
    hosts = [list(kind) for kind in draw(st.lists(kinds, min_size=1, max_size=3))]
    klass = [host[0] for host in hosts]
    capacity = np.bincount(klass, [host[1] for host in hosts], 2)
    early = st.sampled_from([0, 0, 0, *range(len(lanes))])  # one account holds most of it
    starts = st.lists(
        st.tuples(early, st.integers(0, 20)), min_size=draw(st.integers(0, 16)), max_size=24
    )
    rows = []
    running = [0] * len(lanes)
    for number, (row, age) in enumerate(draw(starts)):
        where = _place(lanes[row], hosts)
        running[row] += bool(where)
        rows += [(number, row, host, float(age), members) for host, members in where.items()]
    columns = [np.array(column) for column in zip(*rows, strict=True)] if rows else [()] * 5
    options = {"lag_slots": draw(st.lists(st.sampled_from(lags), min_size=size, max_size=size))}
    if tree:
        options |= draw(groups_of(size, bounded))
    return fleet(
        draw(st.lists(st.sampled_from([1, 1, 2, 3]), min_size=size, max_size=size)),
        [lane | {"running": count} for lane, count in zip(lanes, running, strict=True)],
        [
            {"klass": host[0], "slots_free": host[1], "cpus_free": host[2]}
            | {"memory_mib_free": host[3]}
            for host in hosts
        ],
        running=Running(*columns[:4], members=columns[4]),
        class_capacity=capacity.astype(np.int64),
        **options,
    )


@st.composite
def groups_of(draw, accounts, bounded):
    """Options of `fleet`: up to three groups, some bounded, and accounts in them."""
    size = draw(st.integers(1, 3))
    few = [(0.0, np.inf)] * 3 + ([(2.0, 9.0), (3.0, 3.0)] if bounded else [])
    bounds = st.sampled_from(few)
    low, high = np.array(draw(st.lists(bounds, min_size=size, max_size=size))).T
    own = draw(st.lists(bounds, min_size=accounts, max_size=accounts))
    weights = st.lists(st.sampled_from([1.0, 2.0]), min_size=size, max_size=size)
    return {
        "groups": Groups(
            id=np.arange(size),
            parent=[draw(st.integers(-1, g - 1)) for g in range(size)],
            weight=draw(weights),
            minimum=low,
            maximum=high,
        ),
        "group": [draw(st.integers(-1, size - 1)) for _ in range(accounts)],
        "minimum": [bound[0] for bound in own],
        "maximum": [bound[1] for bound in own],
    }


def _place(lane, hosts):
    """Members by host for one more job of a lane, taken from `hosts`; {} if it does not fit."""
    need = [lane[name] for name in NEED]
    for klass in (0, 1):
        if not lane["classes"] >> klass & 1:
            continue
        where, left = {}, lane["members"]
        for row, host in enumerate(hosts):
            if host[0] == klass:
                fits = [free // n for free, n in zip(host[1:], need, strict=True) if n]
                members = min(left, lane["members_on_host"], *fits)
                if members:
                    where[row] = members
                    left -= members
        if left == 0:
            for row, members in where.items():
                hosts[row][1:] = [
                    free - members * n for free, n in zip(hosts[row][1:], need, strict=True)
                ]
            return where
    return {}


def everywhere(snapshot: Snapshot, *, minimum_run_seconds=0.0, jobs_max=10**6) -> Reclaim:
    """Rules by which all hosts are of one pool."""
    pool = np.zeros(snapshot.hosts.id.size, np.int32)
    return Reclaim(pool, np.array([minimum_run_seconds]), np.array([jobs_max]))


def once_gone(snapshot: Snapshot, rows) -> Snapshot:
    """The jobs of these rows of `running` wait in their lanes again."""
    lanes, running, hosts = snapshot.lanes, snapshot.running, snapshot.hosts
    back, free = np.zeros(lanes.id.size, np.int64), {}
    for job in {int(running.id[row]): row for row in rows}.values():
        back[running.lane[job]] += 1
    for amount, name in zip(("slots_free", "cpus_free", "memory_mib_free"), NEED, strict=True):
        column = getattr(hosts, amount).astype(np.int64)
        for row in rows:
            column[running.host[row]] += (
                int(running.members[row]) * getattr(lanes, name)[running.lane[row]]
            )
        free[amount] = column
    kept = np.setdiff1d(np.arange(running.id.size), rows)
    return replace(
        snapshot,
        lanes=replace(lanes, pending=lanes.pending + back, running=lanes.running - back),
        hosts=replace(hosts, **free),
        running=Running(**{f.name: getattr(running, f.name)[kept] for f in fields(running)}),
    )


def with_grants(snapshot: Snapshot, made: Plan) -> Snapshot:
    """The snapshot once every grant runs, with rows in `running`, as old as can be."""
    running, rows, jobs = snapshot.running, [], int(snapshot.running.id.max(initial=0))
    for lane, host, count, gang in zip(
        made.grant_lane, made.grant_host, made.grant_count, made.grant_gang, strict=True
    ):
        if gang >= 0:
            rows.append((jobs + 1 + int(gang), lane, host, count))
    jobs += 1 + int(made.grant_gang.max(initial=0))
    for lane, host, count in zip(
        *(c[made.grant_gang < 0] for c in (made.grant_lane, made.grant_host, made.grant_count)),
        strict=True,
    ):
        for _ in range(count):
            jobs += 1
            rows.append((jobs, lane, host, 1))
    job, lane, host, members = np.array(rows, np.int64).reshape(-1, 4).T
    return replace(
        after(snapshot, made),
        running=Running(
            np.append(running.id, job),
            np.append(running.lane, lane),
            np.append(running.host, host),
            np.append(running.age_seconds, np.full(job.size, 99.0)),
            members=np.append(running.members, members),
            leaving=np.append(running.leaving, np.zeros(job.size, bool)),
        ),
    )


def shared(
    weights: Sequence[float],
    running: Sequence[Sequence[int]],
    waiting: Sequence[tuple[int, int, int]],
    hosts: Sequence[int],
    members: int = 1,
    **options: object,
) -> Snapshot:
    """Hosts of so many slots on which jobs run. running: by account the slots of its jobs, whose
    hosts they fill one after another. waiting: (account, slots, jobs), each of so many members."""
    sizes = sorted({(a, size) for a, jobs in enumerate(running) for size in jobs})
    lanes = [
        {"account": a, "slots": size, "pending": 0, "running": running[a].count(size)}
        for a, size in sizes
    ]
    asked = dict.fromkeys((a, size) for a, size, _ in waiting)
    lanes += [
        {"account": a, "slots": size, "members": members}
        | {"pending": sum(jobs for b, s, jobs in waiting if (a, size) == (b, s))}
        for a, size in asked
    ]
    free, rows = list(hosts), []
    for a, jobs in enumerate(running):
        for size in jobs:
            host = next(h for h, left in enumerate(free) if left >= size)
            free[host] -= size
            rows.append((len(rows), sizes.index((a, size)), host, 99.0))
    columns = np.array(rows).reshape(-1, 4).T
    return fleet(
        weights,
        lanes,
        [{"slots_free": left} for left in free],
        class_capacity=[sum(hosts)],
        running=Running(*columns[:3].astype(np.int64), columns[3]),
        **options,
    )
