"""Room for one job of a claim: on hosts that are free, then by taking jobs.

Victims come from the highest group down to which a claim reaches, from the sibling with the largest
allocated / weight, and of an account the job with the least work to lose that alone makes room; or,
where none does, with others of its host, of whom those stay that turn out not to be needed. The
members of a job need hosts of one class, all of them.
"""

import numpy as np

from broker.scheduling.kernel import lean_kernel
from broker.scheduling.nodes import MAXIMUM, Nodes
from broker.scheduling.placement import AMOUNTS, MEMBERS, Shapes
from broker.scheduling.reclaim.clearing import clear, from_free, move, suits
from broker.scheduling.reclaim.eligibility import climb, may_take, tallest
from broker.scheduling.reclaim.state import (
    ANY_CLASS,
    ASKED,
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

PASS_LOOKS_MAX = 150_000  # jobs, nodes and hosts looked at for one shape and group at most


@lean_kernel
def serve_claim(
    account: int,
    row: int,
    nodes: Nodes,
    family: Family,
    claims: Claims,
    jobs: Jobs,
    shapes: Shapes,
    places: Places,
    tried: Attempt,
) -> bool:
    """Make room for one job of a claim, or leave everything as it was."""
    shape = claims.shape[row]
    members = shapes.need[shape, MEMBERS]
    slots = shapes.need[shape, 0] * members
    tried.tally[ASKED] = slots
    tried.step.fill(-1)
    steps = climb(account, slots, nodes, family, tried)
    served = False
    first, last = (ANY_CLASS, 0) if members == 1 else (0, 64)
    for klass in range(first, last if steps > 0 else first):
        alone = klass == ANY_CLASS
        if served or not (alone or (shapes.classes[shape] >> np.uint64(klass)) & np.uint64(1)):
            continue
        tried.tally[SPOTS] = tried.tally[VICTIMS] = 0
        served = _gather(
            row, klass, steps, nodes, family, claims, jobs, shapes, places, tried
        ) and _settle(account, row, steps, nodes, claims, jobs, shapes, places, tried)
        for at in range(tried.tally[SPOTS]):
            tried.fits[tried.spots[at]] = 0
        for at in range(0 if served else tried.tally[VICTIMS]):
            job = tried.victims[at]
            move(job, -1, nodes, jobs, places)
            jobs.taken[job] = -1
    if not served:
        for step in range(1, steps + 1):
            tried.dead[shape, tried.way[step] - nodes.tail.size] = True
    return served


@lean_kernel
def _gather(
    row: int,
    klass: int,
    steps: int,
    nodes: Nodes,
    family: Family,
    claims: Claims,
    jobs: Jobs,
    shapes: Shapes,
    places: Places,
    tried: Attempt,
) -> bool:
    """Find room for all members of a job, on hosts of one class or, with `ANY_CLASS`, of any;
    whether there is.

    Where two claims of one shape reach the same group, they may take the same jobs from the other
    members: none is of their own branch, which is below what it is owed. So what was in vain for
    one is not tried for the other.
    """
    missing = from_free(row, klass, claims, shapes, places, tried)
    shape, accounts = claims.shape[row], nodes.tail.size
    shut = tried.shut
    tried.seen.fill(False)
    for node in range(shut.size):
        shut[node] = tried.poor[node]
    for step in range(steps, 0, -1):
        start = tried.way[step]
        shut[tried.way[step - 1]] = True
        if missing == 0 or tried.dead[shape, start - accounts]:
            continue
        looks_max = tried.tally[LOOKS] + PASS_LOOKS_MAX
        while missing > 0:
            account = tallest(start, shut, nodes, family, tried)
            if account < 0 or tried.tally[LOOKS] > looks_max:
                break
            missing = _from_account(
                account,
                row,
                klass,
                missing,
                nodes,
                family,
                claims,
                jobs,
                shapes,
                places,
                tried,
            )
            shut[account] = True
    return missing == 0


@lean_kernel
def _from_account(
    account: int,
    row: int,
    klass: int,
    missing: int,
    nodes: Nodes,
    family: Family,
    claims: Claims,
    jobs: Jobs,
    shapes: Shapes,
    places: Places,
    tried: Attempt,
) -> int:
    """Clear hosts where jobs of an account run, by one job where that is enough; the members that
    are then still missing."""
    begin, end = tried.begin[account], jobs.first[account + 1]
    while begin < end and 0 <= jobs.taken[begin] < tried.tally[NUMBER]:
        begin += 1
    tried.begin[account] = begin
    tried.poor[account] = begin == end
    for alone in (True, False):
        for job in range(begin, end):
            if not may_take(job, nodes, family, jobs, places, tried):
                continue
            for part in range(jobs.first_part[job], jobs.first_part[job + 1]):
                host = int(jobs.host[part])
                if tried.seen[host] or not suits(host, row, klass, claims, shapes, places):
                    continue
                tried.seen[host] = not alone
                missing -= clear(
                    host,
                    job,
                    alone,
                    claims.shape[row],
                    missing,
                    nodes,
                    family,
                    jobs,
                    shapes,
                    places,
                    tried,
                )
                if missing == 0:
                    return 0
    return missing


@lean_kernel
def _settle(
    account: int,
    row: int,
    steps: int,
    nodes: Nodes,
    claims: Claims,
    jobs: Jobs,
    shapes: Shapes,
    places: Places,
    tried: Attempt,
) -> bool:
    """Give the claimant the room that was found; False, and nothing done, where that would exceed
    the maximum of a group above."""
    shape = claims.shape[row]
    slots = shapes.need[shape, 0] * shapes.need[shape, MEMBERS]
    node = tried.way[steps]
    while node != nodes.parent.size:
        if nodes.allocated[node] + slots > nodes.terms[node, MAXIMUM]:
            return False
        node = np.int64(nodes.parent[node])
    node = np.int64(account)
    while node != nodes.parent.size:
        nodes.allocated[node] += slots
        node = np.int64(nodes.parent[node])
    for at in range(tried.tally[SPOTS]):
        host = tried.spots[at]
        for kind in range(AMOUNTS):
            places.free[host, kind] -= tried.fits[host] * shapes.need[shape, kind]
    for at in range(tried.tally[VICTIMS]):
        job = tried.victims[at]
        for part in range(jobs.first_part[job], jobs.first_part[job + 1]):
            host = jobs.host[part]
            if places.free[host, 0] > 0 and not tried.is_loose[host]:
                tried.is_loose[host] = True
                tried.loose[tried.tally[LOOSE]] = host
                tried.tally[LOOSE] += 1
    return True
