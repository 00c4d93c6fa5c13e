"""Whose running jobs make room for whom: claims in order of the dispatch, victims in its mirror.

The next claim is found as `dispatch` finds the next grant, from the top of the tree down, to the
sibling with the smallest (allocated + slots of its next job - lag) / weight. A claimant and the
groups above it must be below what they are owed, up to the group in which it meets the victim; the
victim and its groups there must stay at what they are owed or above, and above where the claimant
stood. As that holds for every pair, the sorted vector of allocated / weight among their siblings
improves strictly.

Victims come the other way round: from the highest group down to which a claim reaches, from the
sibling with the largest allocated / weight, and of an account the job with the least work to lose.
Its host is cleared, with other jobs if one is not enough, until the claimant's job fits; what then
turns out not to be needed stays. The members of a job need hosts of one class, all of them.

All state is in named tuples of arrays, changed in place. Rows must stand in order of id. The
kernels call one another and share this file for that reason (see `kernel`).
"""

from typing import NamedTuple

import numpy as np

from broker.scheduling.columns import Bools, Floats, Int32s, Int64s, Masks
from broker.scheduling.kernel import kernel
from broker.scheduling.nodes import LAG, MAXIMUM, MINIMUM, WEIGHT, Nodes

LOOKS_MAX = 2_000_000  # jobs, nodes and hosts looked at in one call; the next one goes on
AMOUNTS = 3
ANY_CLASS = -1


class Family(NamedTuple):
    """The tree once more, by node [N]: place in `order` of its parent's children: the children of
    node are order[first[node]:last[node]], int64[N + 1], the top included. owed float64: below it
    a node may claim. floor float64: below it nothing is taken."""

    order: Int64s
    first: Int64s
    last: Int64s
    owed: Floats
    floor: Floats


class Claims(NamedTuple):
    """By lane with a claim [q], those of an account side by side in the order of its ring; of
    account a the rows first[a] to before first[a + 1], int64[n + 1].

    need int64[q, 3], slots, cpus and memory of one member; members, on_host int64; classes uint64;
    waiting int64, jobs, changed; shape int64, equal for lanes that ask the same; reserved int64,
    the class whose held hosts are its own, -1 for none."""

    first: Int64s
    need: Int64s
    members: Int64s
    on_host: Int64s
    classes: Masks
    waiting: Int64s
    shape: Int64s
    reserved: Int64s


class Jobs(NamedTuple):
    """What may be taken, by job [x], those of an account side by side, least work lost first; of
    account a the rows first[a] to before first[a + 1], int64[n + 1].

    account, slots int64; its parts first_part[j] to before first_part[j + 1], those of one pool
    side by side, by part host, pool int64 and amount int64[., 3]. On host h run on_host int64 from
    first_on[h] to before first_on[h + 1], least work lost first. taken int64, the number of the
    claim that took it, or -1."""

    first: Int64s
    account: Int64s
    slots: Int64s
    first_part: Int64s
    host: Int64s
    pool: Int64s
    amount: Int64s
    first_on: Int64s
    on_host: Int64s
    taken: Int64s


class Places(NamedTuple):
    """By host [h]: klass int32; free int64[h, 3], changed; held bool, for the lane whose
    reservation is of that class. By pool: room int64, jobs that may still be taken, changed."""

    klass: Int32s
    free: Int64s
    held: Bools
    room: Int64s


class Attempt(NamedTuple):
    """One claim being tried. way int64[N + 1]: the claimant's account, its groups, and last the
    node below which it may take; step int64[N + 1]: where a node stands on that way, -1 elsewhere.
    before int64[N + 1]: what the nodes held, by step. fits int64[h]: members for which a host has
    room. victims int64[x]: jobs taken for it, the first tally[0] of them. looks int64[1]."""

    way: Int64s
    step: Int64s
    before: Int64s
    fits: Int64s
    victims: Int64s
    tally: Int64s
    looks: Int64s


@kernel
def _standing(allocated: float, terms: Floats, node: int) -> float:
    """How high a node stands among its siblings: those below their minimum first."""
    minimum = terms[node, MINIMUM]
    if allocated < minimum:
        return float(allocated / minimum - 1.0)
    return float(allocated / terms[node, WEIGHT])


@kernel
def _claim(allocated: float, slots: float, terms: Floats, node: int) -> float:
    """As `claim` of `dispatch`, which lives in another file."""
    minimum = terms[node, MINIMUM]
    if allocated < minimum:
        return float(-minimum / (allocated + slots))
    lag = min(max(terms[node, LAG], -slots), slots)
    return float((allocated + slots - lag) / terms[node, WEIGHT])


@kernel
def _next_account(nodes: Nodes, head: Int64s, turn: Int64s) -> int:
    """Whose claim is next, -1 if nobody's. head int64[N + 1]: slots of the job that an account
    claims, 0 for none; written for groups. turn int64[N]: the smaller goes first among equals."""
    top, accounts = nodes.parent.size, nodes.tail.size
    head[accounts:] = 0
    least = np.full(top + 1, np.inf)
    best = np.full(top + 1, -1, np.int64)
    for j in range(top - 1, -1, -1):
        node = nodes.order[j]
        if head[node] == 0:
            continue
        above = nodes.parent[node]
        key = _claim(nodes.allocated[node], head[node], nodes.terms, node)
        if (
            best[above] < 0
            or key < least[above]
            or (key == least[above] and turn[node] < turn[best[above]])
        ):
            least[above], best[above], head[above] = key, node, head[node]
    node = top
    while node >= accounts:
        if best[node] < 0:
            return -1
        node = int(best[node])
    return node


@kernel
def _climb(account: int, slots: int, nodes: Nodes, family: Family, tried: Attempt) -> int:
    """Write the way of a claim; the steps up, 0 where it is none: the account holds what it is
    owed, or one more job would exceed its maximum."""
    node, steps = account, 0
    while (
        node != nodes.parent.size
        and nodes.allocated[node] < family.owed[node]
        and nodes.allocated[node] + slots <= nodes.terms[node, MAXIMUM]
    ):
        tried.way[steps], tried.step[node] = node, steps
        tried.before[steps] = nodes.allocated[node]
        node = int(nodes.parent[node])
        steps += 1
    if steps > 0:
        tried.way[steps], tried.step[node] = node, steps
    return steps


@kernel
def _may_take(
    job: int, nodes: Nodes, family: Family, jobs: Jobs, places: Places, tried: Attempt
) -> bool:
    """Whether a claim may take a job: by the rates of its pools, and at every level below the group
    in which claimant and victim meet."""
    tried.looks[0] += 1
    if jobs.taken[job] >= 0:
        return False
    for part in range(jobs.first_part[job], jobs.first_part[job + 1]):
        if places.room[jobs.pool[part]] <= 0:
            return False
    slots, node = jobs.slots[job], jobs.account[job]
    branch = -1
    while tried.step[node] < 0:
        if node == nodes.parent.size or nodes.allocated[node] - slots < family.floor[node]:
            return False
        branch = node
        node = np.int64(nodes.parent[node])
    if branch < 0:
        return False
    step = tried.step[node] - 1
    after = _standing(nodes.allocated[branch] - slots, nodes.terms, branch)
    return after > _standing(tried.before[step], nodes.terms, tried.way[step])


@kernel
def _move(job: int, sign: int, nodes: Nodes, jobs: Jobs, places: Places) -> None:
    """Take a job from where it runs (1), or put it back (-1)."""
    node = jobs.account[job]
    while node != nodes.parent.size:
        nodes.allocated[node] -= sign * jobs.slots[job]
        node = np.int64(nodes.parent[node])
    for part in range(jobs.first_part[job], jobs.first_part[job + 1]):
        for kind in range(AMOUNTS):
            places.free[jobs.host[part], kind] += sign * jobs.amount[part, kind]
        if part == jobs.first_part[job] or jobs.pool[part] != jobs.pool[part - 1]:
            places.room[jobs.pool[part]] -= sign


@kernel
def _fit(host: int, row: int, claims: Claims, places: Places) -> int:
    """Members of a claim's job that a host has room for now."""
    fit = min(claims.on_host[row], claims.members[row])
    for kind in range(AMOUNTS):
        if claims.need[row, kind] > 0:
            fit = min(fit, max(0, places.free[host, kind] // claims.need[row, kind]))
    return int(fit)


@kernel
def _suits(host: int, row: int, klass: int, claims: Claims, places: Places) -> bool:
    """Whether a host may serve a claim. klass: the one that its members come on, or `ANY_CLASS`."""
    own = places.klass[host]
    if places.held[host] and claims.reserved[row] != own:
        return False
    if klass != ANY_CLASS:
        return bool(own == klass)
    return bool((claims.classes[row] >> np.uint64(own)) & np.uint64(1))


@kernel
def _clear(
    host: int,
    row: int,
    want: int,
    number: int,
    nodes: Nodes,
    family: Family,
    claims: Claims,
    jobs: Jobs,
    places: Places,
    tried: Attempt,
) -> int:
    """Make room on a host for up to `want` more members; for how many it was made."""
    gained = min(want, _fit(host, row, claims, places) - tried.fits[host])
    while gained < want:
        begin, goal = tried.tally[0], tried.fits[host] + gained + 1
        for at in range(jobs.first_on[host], jobs.first_on[host + 1]):
            job = jobs.on_host[at]
            if _may_take(job, nodes, family, jobs, places, tried):
                _move(job, 1, nodes, jobs, places)
                jobs.taken[job] = number
                tried.victims[tried.tally[0]] = job
                tried.tally[0] += 1
                if _fit(host, row, claims, places) >= goal:
                    break
        enough = _fit(host, row, claims, places) >= goal
        end, tried.tally[0] = tried.tally[0], begin
        for at in range(begin, end):  # the last one was needed, others may not have been
            job = tried.victims[end - 1 - (at - begin)]
            _move(job, -1, nodes, jobs, places)
            jobs.taken[job] = -1
            if enough and _fit(host, row, claims, places) < goal:
                _move(job, 1, nodes, jobs, places)
                jobs.taken[job] = number
        for at in range(begin, end):
            job = tried.victims[at]
            if jobs.taken[job] == number:
                tried.victims[tried.tally[0]] = job
                tried.tally[0] += 1
        if not enough:
            break
        gained = min(want, _fit(host, row, claims, places) - tried.fits[host])
    tried.fits[host] += gained
    return int(gained)


@kernel
def _tallest(start: int, shut: Bools, nodes: Nodes, family: Family) -> int:
    """The account below `start` that stands highest and is not shut, found from the top down; -1 if
    there is none. Shuts groups that have nothing left."""
    while True:
        node = start
        while node >= nodes.tail.size:
            best, most = -1, -np.inf
            for at in range(family.first[node], family.last[node]):
                child = family.order[at]
                if not shut[child]:
                    standing = _standing(nodes.allocated[child], nodes.terms, child)
                    if standing > most:
                        best, most = child, standing
            if best < 0:
                break
            node = int(best)
        if node < nodes.tail.size:
            return node
        if node == start:
            return -1
        shut[node] = True


@kernel
def _gather(
    row: int,
    klass: int,
    steps: int,
    number: int,
    poor: Bools,
    nodes: Nodes,
    family: Family,
    claims: Claims,
    jobs: Jobs,
    places: Places,
    tried: Attempt,
) -> bool:
    """Find room for all members of a job, on hosts of one class or, with `ANY_CLASS`, of any;
    whether there is. poor bool[N]: nodes below which nothing can be taken."""
    tried.fits.fill(0)
    missing = claims.members[row]
    for host in range(places.klass.size):
        if missing > 0 and _suits(host, row, klass, claims, places):
            tried.fits[host] = min(missing, _fit(host, row, claims, places))
            missing -= tried.fits[host]
    tried.looks[0] += places.klass.size
    shut = poor.copy()
    seen = np.zeros(places.klass.size, np.bool_)
    for step in range(steps, 0, -1):
        shut[tried.way[step - 1]] = True
        while missing > 0 and tried.looks[0] < LOOKS_MAX:
            account = _tallest(tried.way[step], shut, nodes, family)
            tried.looks[0] += family.last[tried.way[step]] - family.first[tried.way[step]]
            if account < 0:
                break
            for job in range(jobs.first[account], jobs.first[account + 1]):
                if not _may_take(job, nodes, family, jobs, places, tried):
                    continue
                for part in range(jobs.first_part[job], jobs.first_part[job + 1]):
                    host = jobs.host[part]
                    if missing == 0 or seen[host] or not _suits(host, row, klass, claims, places):
                        continue
                    seen[host] = True
                    missing -= _clear(
                        host, row, missing, number, nodes, family, claims, jobs, places, tried
                    )
                if missing == 0:
                    break
            shut[account] = True
    return bool(missing == 0)


@kernel
def _settle(
    account: int, row: int, steps: int, nodes: Nodes, claims: Claims, places: Places, tried: Attempt
) -> bool:
    """Give the claimant the room that was found; False, and nothing done, where that would exceed
    the maximum of a group above."""
    slots = claims.need[row, 0] * claims.members[row]
    node = tried.way[steps]
    while node != nodes.parent.size:
        if nodes.allocated[node] + slots > nodes.terms[node, MAXIMUM]:
            return False
        node = np.int64(nodes.parent[node])
    node = np.int64(account)
    while node != nodes.parent.size:
        nodes.allocated[node] += slots
        node = np.int64(nodes.parent[node])
    for host in range(places.klass.size):
        if tried.fits[host] > 0:
            for kind in range(AMOUNTS):
                places.free[host, kind] -= tried.fits[host] * claims.need[row, kind]
    return True


@kernel
def _serve_claim(
    account: int,
    row: int,
    number: int,
    poor: Bools,
    failed: Int64s,
    nodes: Nodes,
    family: Family,
    claims: Claims,
    jobs: Jobs,
    places: Places,
    tried: Attempt,
) -> bool:
    """Make room for one job of a claim, or leave everything as it was.

    failed int64[s]: by shape the way's end and its first group for which no room was found last.
    """
    tried.step.fill(-1)
    slots = claims.need[row, 0] * claims.members[row]
    steps = _climb(account, slots, nodes, family, tried)
    if steps == 0:
        return False
    # Siblings whose claims reach equally far may take the same jobs.
    reach = tried.way[steps] * tried.step.size + tried.way[1]
    if failed[claims.shape[row]] == reach:
        return False
    for klass in range(ANY_CLASS, 64):
        if (klass == ANY_CLASS) != (claims.members[row] == 1):
            continue
        if klass != ANY_CLASS and not (claims.classes[row] >> np.uint64(klass)) & np.uint64(1):
            continue
        tried.tally[0] = 0
        found = _gather(row, klass, steps, number, poor, nodes, family, claims, jobs, places, tried)
        if found and _settle(account, row, steps, nodes, claims, places, tried):
            return True
        for at in range(tried.tally[0]):
            job = tried.victims[at]
            _move(job, -1, nodes, jobs, places)
            jobs.taken[job] = -1
    failed[claims.shape[row]] = reach
    return False


@kernel
def choose(
    nodes: Nodes, family: Family, claims: Claims, jobs: Jobs, places: Places, shapes: int
) -> Int64s:
    """Take jobs for claims until no claim can be served; writes `jobs.taken`.

    Returns int64[c]: by number of a claim the row of `Claims` that it was of. Some need no job
    taken: room was left over. `nodes` and `places` are as if all that had happened.
    """
    top, accounts = nodes.parent.size, nodes.tail.size
    poor = np.ones(top, np.bool_)
    for account in range(accounts):
        node = account if jobs.first[account] < jobs.first[account + 1] else top
        while node != top and poor[node]:
            poor[node] = False
            node = int(nodes.parent[node])
    tried = Attempt(
        np.empty(top + 1, np.int64),
        np.empty(top + 1, np.int64),
        np.empty(top + 1, np.int64),
        np.empty(places.klass.size, np.int64),
        np.empty(jobs.account.size, np.int64),
        np.zeros(1, np.int64),
        np.zeros(1, np.int64),
    )
    failed = np.full(shapes, -1, np.int64)
    turn = nodes.place.copy()
    ring = claims.first[:accounts].copy()
    head = np.zeros(top + 1, np.int64)
    for account in range(accounts):
        if claims.first[account] < claims.first[account + 1]:
            head[account] = claims.need[ring[account], 0] * claims.members[ring[account]]
    served, count = np.empty(64, np.int64), 0
    while tried.looks[0] < LOOKS_MAX:
        tried.looks[0] += top
        account = _next_account(nodes, head, turn)
        if account < 0:
            break
        row = ring[account]
        if _serve_claim(
            account, row, count, poor, failed, nodes, family, claims, jobs, places, tried
        ):
            if count == served.size:
                served = np.concatenate((served, np.empty_like(served)))
            served[count] = row
            count += 1
            claims.waiting[row] -= 1
            node = account
            while node != top:
                turn[node] = top + node
                node = int(nodes.parent[node])
        else:
            claims.waiting[row] = 0
        begin, end = claims.first[account], claims.first[account + 1]
        head[account] = 0
        for ahead in range(1, end - begin + 1):
            other = begin + (row - begin + ahead) % (end - begin)
            if claims.waiting[other] > 0:
                ring[account] = other
                head[account] = claims.need[other, 0] * claims.members[other]
                break
    return served[:count]
