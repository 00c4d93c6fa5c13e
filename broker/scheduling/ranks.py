"""Places in line: in which order the waiting accounts would each get one more job.

The answer of `dispatch` itself, for a fleet that lacks nothing and one job of each account. With
groups no single number says who is next: serving one member moves the whole group back.
"""

import numpy as np

from broker.scheduling.columns import Int32s, Int64s
from broker.scheduling.dispatch import LaneState, claims, dispatch
from broker.scheduling.nodes import MAXIMUM, Nodes
from broker.scheduling.placement import (
    HOST_COLUMNS,
    MEMBERS,
    ON_HOST,
    REQUEST_COLUMNS,
    SLOTS,
    Search,
)


def ranks(nodes: Nodes, least: Int64s) -> Int32s:
    """Place in line int32[n], from 1 on; 0 for an account without a job that waits.

    nodes: as they stand; changed. least: int64[n], slots of the job that counts.
    """
    waiting = np.flatnonzero(least)
    rank = np.zeros(least.size, np.int32)
    if nodes.parent.size == least.size:  # no groups: nobody's claim moves another's
        order = np.lexsort((nodes.place[waiting], claims(nodes, waiting, least)))
        rank[waiting[order]] = np.arange(1, waiting.size + 1)
        return rank
    sizes, shape = np.unique(least[waiting], return_inverse=True)
    jobs = np.arange(waiting.size, dtype=np.int32)  # a lane for each account that waits
    nodes.tail.fill(-1)
    nodes.tail[waiting] = jobs
    nodes.terms[:, MAXIMUM] = np.inf
    lanes = LaneState(np.ones(jobs.size, np.int64), shape.astype(np.int32), jobs.copy())
    served = dispatch(nodes, lanes, _boundless(sizes))[:, 0]
    rank[waiting[served]] = np.arange(1, served.size + 1)
    return rank


def _boundless(sizes: Int64s) -> Search:
    """One host on which any number of jobs of these sizes, in slots, fits."""
    need = np.zeros((sizes.size, REQUEST_COLUMNS), np.int64)
    need[:, SLOTS] = sizes
    need[:, MEMBERS] = need[:, ON_HOST] = 1
    one = np.ones(1, np.int32)
    return Search(
        classes=np.ones(sizes.size, np.uint64),
        need=need,
        cursor=np.zeros(sizes.size, np.int32),
        host=one - 1,
        klass=one - 1,
        free=np.full((1, HOST_COLUMNS), np.iinfo(np.int64).max),
        skip=np.arange(2, dtype=np.int32),
        class_end=one,
        least=np.zeros(3, np.int64),
    )
