"""Room on hosts: what is free, and what is once jobs have been taken from there."""

import numpy as np

from broker.scheduling.columns import Int64s
from broker.scheduling.kernel import kernel, lean_kernel
from broker.scheduling.nodes import Nodes
from broker.scheduling.placement import AMOUNTS, MEMBERS, ON_HOST, Shapes
from broker.scheduling.reclaim.eligibility import may_take
from broker.scheduling.reclaim.state import (
    ANY_CLASS,
    LOOKS,
    LOOSE,
    NUMBER,
    SPOTS,
    VICTIMS,
    Attempt,
    Claims,
    Family,
    Jobs,
    Places,
)


@lean_kernel
def from_free(
    row: int, klass: int, claims: Claims, shapes: Shapes, places: Places, tried: Attempt
) -> int:
    """Let members come on what is free; how many are still missing. One alone fits nowhere but
    where earlier claims left slots over: else the plan would have granted it."""
    shape = claims.shape[row]
    missing = shapes.need[shape, MEMBERS]
    alone = klass == ANY_CLASS
    hosts = tried.tally[LOOSE] if alone else places.klass.size
    tried.tally[LOOKS] += hosts
    for at in range(hosts):
        host = tried.loose[at] if alone else at
        if missing > 0 and suits(host, row, klass, claims, shapes, places):
            members = min(missing, _fit(host, shape, shapes, places))
            _use(host, members, tried)
            missing -= members
    return int(missing)


@lean_kernel
def clear(
    host: int,
    seed: int,
    alone: bool,
    shape: int,
    want: int,
    nodes: Nodes,
    family: Family,
    jobs: Jobs,
    shapes: Shapes,
    places: Places,
    tried: Attempt,
) -> int:
    """Make room on a host for up to `want` more members by taking `seed`, a job that runs there,
    and unless `alone` others after it; for how many room was made."""
    gained = min(want, _fit(host, shape, shapes, places) - tried.fits[host])
    first = jobs.first_on[host]
    while gained < want:
        begin, goal = tried.tally[VICTIMS], tried.fits[host] + gained + 1
        for at in range(first - 1, first if alone else jobs.first_on[host + 1]):
            job = seed if at < first else jobs.on_host[at]
            if may_take(job, nodes, family, jobs, places, tried):
                move(job, 1, nodes, jobs, places)
                jobs.taken[job] = tried.tally[NUMBER]
                tried.victims[tried.tally[VICTIMS]] = job
                tried.tally[VICTIMS] += 1
                if _fit(host, shape, shapes, places) >= goal:
                    break
        enough = _fit(host, shape, shapes, places) >= goal
        for at in range(tried.tally[VICTIMS] - 1, begin - 1, -1):  # not all may have been needed
            job = tried.victims[at]
            move(job, -1, nodes, jobs, places)
            if enough and _fit(host, shape, shapes, places) < goal:
                move(job, 1, nodes, jobs, places)
            else:
                jobs.taken[job] = -1
                tried.tally[VICTIMS] -= 1
                tried.victims[at] = tried.victims[tried.tally[VICTIMS]]
        if not enough:
            break
        gained = min(want, _fit(host, shape, shapes, places) - tried.fits[host])
    _use(host, gained, tried)
    return int(gained)


@lean_kernel
def suits(host: int, row: int, klass: int, claims: Claims, shapes: Shapes, places: Places) -> bool:
    """Whether a host could serve a claim, were it empty. klass: the one that all members come on,
    or `ANY_CLASS`."""
    shape, own = claims.shape[row], places.klass[host]
    suits = own == klass
    if klass == ANY_CLASS:
        suits = (shapes.classes[shape] >> np.uint64(own)) & np.uint64(1) > 0
    suits &= not places.held[host] or claims.reserved[row] == own
    for kind in range(AMOUNTS):
        suits &= places.most[host, kind] >= shapes.need[shape, kind]
    return bool(suits)


@lean_kernel
def _fit(host: int, shape: int, shapes: Shapes, places: Places) -> int:
    """Members of a job that a host has room for now."""
    need = shapes.need[shape]
    fit = min(need[ON_HOST], need[MEMBERS])
    for kind in range(AMOUNTS):
        if need[kind] > 0:
            fit = min(fit, max(0, places.free[host, kind] // need[kind]))
    return int(fit)


@lean_kernel
def _use(host: int, members: int, tried: Attempt) -> None:
    """Let so many more members come on a host."""
    if members > 0 and tried.fits[host] == 0:
        tried.spots[tried.tally[SPOTS]] = host
        tried.tally[SPOTS] += 1
    tried.fits[host] += members


@lean_kernel
def move(job: int, sign: int, nodes: Nodes, jobs: Jobs, places: Places) -> None:
    """Take a job from where it runs (1), or put it back (-1)."""
    node = jobs.account[job]
    while node != nodes.parent.size:
        nodes.allocated[node] -= sign * jobs.slots[job]
        node = np.int64(nodes.parent[node])
    need = jobs.need[jobs.lane[job]]
    for part in range(jobs.first_part[job], jobs.first_part[job + 1]):
        for kind in range(AMOUNTS):
            places.free[jobs.host[part], kind] += sign * jobs.members[part] * need[kind]
        if part == jobs.first_part[job] or jobs.pool[part] != jobs.pool[part - 1]:
            places.room[jobs.pool[part]] -= sign


@kernel
def most_free(free: Int64s, jobs: Jobs) -> Int64s:
    """`Places.most`. free int64[h, 3]."""
    most = free.copy()
    for job in range(jobs.account.size):
        for part in range(jobs.first_part[job], jobs.first_part[job + 1]):
            for kind in range(AMOUNTS):
                most[jobs.host[part], kind] += jobs.members[part] * jobs.need[jobs.lane[job], kind]
    return most
