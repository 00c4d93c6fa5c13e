"""What is known and changed while room is made for claims: named tuples of arrays."""

from typing import NamedTuple

from broker.scheduling.columns import Bools, Floats, Int32s, Int64s

ANY_CLASS = -1
SPOTS, VICTIMS, LOOSE, LOOKS, ASKED, NUMBER = range(6)  # of `Attempt.tally`


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
    is_loose bool[h] says. tally int64[6]: how many spots, victims and loose hosts there are, what
    was looked at in the whole call, the slots of the claimant's job, and how many claims were
    served before it.
    poor bool[N]: below it nothing can be taken. shut bool[N]: nor for this job. seen bool[h]: hosts
    on which several did not help it. dead bool[s, groups + 1]: by shape and group, or
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
    shut: Bools
    seen: Bools
    dead: Bools
    begin: Int64s
