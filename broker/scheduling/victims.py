"""Whose running jobs make room for whom: claims in order of the dispatch, victims in its mirror.

The next claim is found as `dispatch` finds the next grant, from the top of the tree down, to the
sibling with the smallest (allocated + slots of its next job - lag) / weight. A claimant and the
groups above it must be below what they are owed, up to the group in which it meets the victim; the
victim and its groups there must stay at what they are owed or above, and above where the claimant
stood. As that holds for every pair, the sorted vector of allocated / weight among their siblings
improves strictly. And the dispatch must not give the slots right back to the victim.

Victims come the other way round: from the highest group down to which a claim reaches, from the
sibling with the largest allocated / weight, and of an account the job with the least work to lose
that alone makes room; or, where none does, with others of its host, of whom those stay that turn
out not to be needed. The members of a job need hosts of one class, all of them.

All state is in named tuples of arrays, changed in place. Rows must stand in order of id. The
kernels call one another and share this file for that reason (see `kernel`).
"""

from typing import NamedTuple

import numpy as np

from broker.scheduling.columns import Bools, Floats, Int32s, Int64s
from broker.scheduling.kernel import kernel
from broker.scheduling.nodes import LAG, MAXIMUM, MINIMUM, WEIGHT, Nodes
from broker.scheduling.placement import AMOUNTS, MEMBERS, ON_HOST, Shapes

LOOKS_MAX = 1_000_000  # jobs, nodes and hosts looked at in one call; the next one goes on
PASS_LOOKS_MAX = 150_000  # of these for one shape and group, which is then given up
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

    shape int64, as in `Shapes`; waiting int64, jobs, changed; reserved int64, the class whose held
    hosts are its own, -1 for none."""

    first: Int64s
    shape: Int64s
    waiting: Int64s
    reserved: Int64s


class Jobs(NamedTuple):
    """What may be taken, by job [x], those of an account side by side, least work lost first; of
    account a the rows first[a] to before first[a + 1], int64[n + 1].

    account, slots int64, all together; lane int32; its parts first_part[j] to before
    first_part[j + 1], those of one pool side by side, by part host, pool int32, members int32. Of
    lane [m] need int64[m, 3], of one member. On host h run on_host int64 from first_on[h] to before
    first_on[h + 1], least work lost first. taken int64, the number of the claim that took it, or
    -1."""

    first: Int64s
    account: Int64s
    slots: Int64s
    lane: Int32s
    first_part: Int64s
    host: Int32s
    pool: Int32s
    members: Int32s
    need: Int64s
    first_on: Int64s
    on_host: Int64s
    taken: Int64s


class Places(NamedTuple):
    """By host [h]: klass int32; free int64[h, 3], changed; most int64[h, 3], what all of `Jobs`
    would leave free; held bool, for the lane whose reservation is of that class. By pool: room
    int64, jobs that may still be taken, changed."""

    klass: Int32s
    free: Int64s
    most: Int64s
    held: Bools
    room: Int64s


class Attempt(NamedTuple):
    """One claim being tried.

    way int64[N + 1]: the claimant's account, its groups, and last the node below which it may take;
    step int64[N + 1]: where a node stands on that way, -1 elsewhere. before int64[N + 1]: what the
    nodes held, by step.
    fits int64[h]: members that come on a host, and spots int64[h], those hosts. victims int64[x]:
    jobs taken for it. loose int64[h]: hosts where earlier claims left slots over, each once, as
    is_loose bool[h] says. tally int64[5]: how many spots, victims and loose hosts there are, what
    was looked at in the whole call, and the slots of the claimant's job.
    poor bool[N]: below it nothing can be taken. dead bool[s, groups + 1]: by shape and group, or
    the top, whether taking below it is in vain. begin int64[n]: the first job that is left."""

    way: Int64s
    step: Int64s
    before: Int64s
    fits: Int64s
    spots: Int64s
    victims: Int64s
    loose: Int64s
    is_loose: Bools
    tally: Int64s
    poor: Bools
    dead: Bools
    begin: Int64s


SPOTS, VICTIMS, LOOSE, LOOKS, ASKED = range(5)  # of `Attempt.tally`


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
    tried.tally[LOOKS] += 1
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
    rival, held, left = tried.way[step], tried.before[step], nodes.allocated[branch] - slots
    again = _claim(left, slots, nodes.terms, branch)
    if again < _claim(held, tried.tally[ASKED], nodes.terms, rival):
        return False  # the dispatch would give it right back
    return _standing(left, nodes.terms, branch) > _standing(held, nodes.terms, rival)


@kernel
def _move(job: int, sign: int, nodes: Nodes, jobs: Jobs, places: Places) -> None:
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
def _fit(host: int, shape: int, shapes: Shapes, places: Places) -> int:
    """Members of a job that a host has room for now."""
    need = shapes.need[shape]
    fit = min(need[ON_HOST], need[MEMBERS])
    for kind in range(AMOUNTS):
        if need[kind] > 0:
            fit = min(fit, max(0, places.free[host, kind] // need[kind]))
    return int(fit)


@kernel
def _suits(host: int, row: int, klass: int, claims: Claims, shapes: Shapes, places: Places) -> bool:
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


@kernel
def _use(host: int, members: int, tried: Attempt) -> None:
    """Let so many more members come on a host."""
    if members > 0 and tried.fits[host] == 0:
        tried.spots[tried.tally[SPOTS]] = host
        tried.tally[SPOTS] += 1
    tried.fits[host] += members


@kernel
def _clear(
    host: int,
    seed: int,
    alone: bool,
    shape: int,
    want: int,
    number: int,
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
            if _may_take(job, nodes, family, jobs, places, tried):
                _move(job, 1, nodes, jobs, places)
                jobs.taken[job] = number
                tried.victims[tried.tally[VICTIMS]] = job
                tried.tally[VICTIMS] += 1
                if _fit(host, shape, shapes, places) >= goal:
                    break
        enough = _fit(host, shape, shapes, places) >= goal
        for at in range(tried.tally[VICTIMS] - 1, begin - 1, -1):  # not all may have been needed
            job = tried.victims[at]
            _move(job, -1, nodes, jobs, places)
            if enough and _fit(host, shape, shapes, places) < goal:
                _move(job, 1, nodes, jobs, places)
            else:
                jobs.taken[job] = -1
                tried.tally[VICTIMS] -= 1
                tried.victims[at] = tried.victims[tried.tally[VICTIMS]]
        if not enough:
            break
        gained = min(want, _fit(host, shape, shapes, places) - tried.fits[host])
    _use(host, gained, tried)
    return int(gained)


@kernel
def _tallest(start: int, shut: Bools, nodes: Nodes, family: Family, tried: Attempt) -> int:
    """The account below `start` that stands highest and is not shut, found from the top down; -1 if
    there is none. Shuts groups that have nothing left."""
    while True:
        node = start
        while node >= nodes.tail.size:
            best, most = -1, -np.inf
            tried.tally[LOOKS] += family.last[node] - family.first[node]
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
def _from_free(
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
        if missing > 0 and _suits(host, row, klass, claims, shapes, places):
            members = min(missing, _fit(host, shape, shapes, places))
            _use(host, members, tried)
            missing -= members
    return int(missing)


@kernel
def _from_account(
    account: int,
    row: int,
    klass: int,
    missing: int,
    number: int,
    seen: Bools,
    nodes: Nodes,
    family: Family,
    claims: Claims,
    jobs: Jobs,
    shapes: Shapes,
    places: Places,
    tried: Attempt,
) -> int:
    """Clear hosts where jobs of an account run, by one job where that is enough; the members that
    are then still missing. seen bool[h]: hosts on which several did not help."""
    begin, end = tried.begin[account], jobs.first[account + 1]
    while begin < end and 0 <= jobs.taken[begin] < number:
        begin += 1
    tried.begin[account] = begin
    tried.poor[account] = begin == end
    for alone in (True, False):
        for job in range(begin, end):
            if not _may_take(job, nodes, family, jobs, places, tried):
                continue
            for part in range(jobs.first_part[job], jobs.first_part[job + 1]):
                host = jobs.host[part]
                if seen[host] or not _suits(host, row, klass, claims, shapes, places):
                    continue
                seen[host] = not alone
                missing -= _clear(
                    host,
                    job,
                    alone,
                    claims.shape[row],
                    missing,
                    number,
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


@kernel
def _gather(
    row: int,
    klass: int,
    steps: int,
    number: int,
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
    missing = _from_free(row, klass, claims, shapes, places, tried)
    shape, accounts = claims.shape[row], nodes.tail.size
    shut = tried.poor.copy()
    seen = np.zeros(places.klass.size, np.bool_)
    for step in range(steps, 0, -1):
        start = tried.way[step]
        shut[tried.way[step - 1]] = True
        if missing == 0 or tried.dead[shape, start - accounts]:
            continue
        looks_max = tried.tally[LOOKS] + PASS_LOOKS_MAX
        while missing > 0:
            account = _tallest(start, shut, nodes, family, tried)
            if account < 0 or tried.tally[LOOKS] > looks_max:
                break
            missing = _from_account(
                account,
                row,
                klass,
                missing,
                number,
                seen,
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


@kernel
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


@kernel
def _serve_claim(
    account: int,
    row: int,
    number: int,
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
    steps = _climb(account, slots, nodes, family, tried)
    served = False
    first, last = (ANY_CLASS, 0) if members == 1 else (0, 64)
    for klass in range(first, last if steps > 0 else first):
        alone = klass == ANY_CLASS
        if served or not (alone or (shapes.classes[shape] >> np.uint64(klass)) & np.uint64(1)):
            continue
        tried.tally[SPOTS] = tried.tally[VICTIMS] = 0
        served = _gather(
            row, klass, steps, number, nodes, family, claims, jobs, shapes, places, tried
        ) and _settle(account, row, steps, nodes, claims, jobs, shapes, places, tried)
        for at in range(tried.tally[SPOTS]):
            tried.fits[tried.spots[at]] = 0
        for at in range(0 if served else tried.tally[VICTIMS]):
            job = tried.victims[at]
            _move(job, -1, nodes, jobs, places)
            jobs.taken[job] = -1
    if not served:
        for step in range(1, steps + 1):
            tried.dead[shape, tried.way[step] - nodes.tail.size] = True
    return served


@kernel
def most_free(free: Int64s, jobs: Jobs) -> Int64s:
    """`Places.most`. free int64[h, 3]."""
    most = free.copy()
    for job in range(jobs.account.size):
        for part in range(jobs.first_part[job], jobs.first_part[job + 1]):
            for kind in range(AMOUNTS):
                most[jobs.host[part], kind] += jobs.members[part] * jobs.need[jobs.lane[job], kind]
    return most


@kernel
def _poor(first: Int64s, nodes: Nodes) -> Bools:
    """By node, whether nothing can be taken below it, bool[N]. first as in `Jobs`."""
    poor = np.ones(nodes.parent.size, np.bool_)
    for account in range(nodes.tail.size):
        node = account if first[account] < first[account + 1] else nodes.parent.size
        while node != nodes.parent.size and poor[node]:
            poor[node] = False
            node = int(nodes.parent[node])
    return poor


@kernel
def _turned(account: int, row: int, claims: Claims) -> int:
    """The next row of an account's ring after one that had its turn, -1 if none is left."""
    begin, end = claims.first[account], claims.first[account + 1]
    for ahead in range(1, end - begin + 1):
        other = begin + (row - begin + ahead) % (end - begin)
        if claims.waiting[other] > 0:
            return int(other)
    return -1


@kernel
def choose(
    nodes: Nodes, family: Family, claims: Claims, jobs: Jobs, shapes: Shapes, places: Places
) -> Int64s:
    """Take jobs for claims until no claim can be served; writes `jobs.taken`.

    Returns int64[c]: by number of a claim the row of `Claims` that it was of. Some need no job
    taken: room was left over. `nodes` and `places` are as if all that had happened.
    """
    top, accounts, hosts = nodes.parent.size, nodes.tail.size, places.klass.size
    tried = Attempt(
        way=np.empty(top + 1, np.int64),
        step=np.empty(top + 1, np.int64),
        before=np.empty(top + 1, np.int64),
        fits=np.zeros(hosts, np.int64),
        spots=np.empty(hosts, np.int64),
        victims=np.empty(jobs.account.size, np.int64),
        loose=np.empty(hosts, np.int64),
        is_loose=np.zeros(hosts, np.bool_),
        tally=np.zeros(5, np.int64),
        poor=_poor(jobs.first, nodes),
        dead=np.zeros((shapes.classes.size, top + 1 - accounts), np.bool_),
        begin=jobs.first.copy(),
    )
    slots = shapes.need[:, 0] * shapes.need[:, MEMBERS]
    turn, ring = nodes.place.copy(), claims.first[:accounts].copy()
    head = np.zeros(top + 1, np.int64)
    for account in range(accounts):
        if claims.first[account] < claims.first[account + 1]:
            head[account] = slots[claims.shape[ring[account]]]
    served, count = np.empty(64, np.int64), 0
    while tried.tally[LOOKS] < LOOKS_MAX and places.room.max() > 0:
        account = _next_account(nodes, head, turn)
        if account < 0:
            break
        tried.tally[LOOKS] += top
        row = ring[account]
        if _serve_claim(account, row, count, nodes, family, claims, jobs, shapes, places, tried):
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
        ring[account] = _turned(account, row, claims)
        head[account] = slots[claims.shape[ring[account]]] if ring[account] >= 0 else 0
    return served[:count]
