"""Places in line: in which order the waiting accounts would each get one more job.

The answer of `dispatch` itself, for a fleet that lacks nothing and one job of each account. With
groups no single number says who is next: serving one member moves the whole group back.
"""

import numpy as np

from broker.scheduling.columns import Int32s, Int64s
from broker.scheduling.contest import claims, line
from broker.scheduling.nodes import Nodes


def ranks(nodes: Nodes, least: Int64s) -> Int32s:
    """Place in line int32[n], from 1 on; 0 for an account without a job that waits.

    nodes: as they stand; changed. least: int64[n], slots of the job that counts.
    """
    rank = np.zeros(least.size, np.int32)
    if nodes.parent.size > least.size:
        order = line(nodes, least)
    else:  # no groups: nobody's claim moves another's
        waiting = nodes.at_place[least[nodes.at_place] > 0].astype(np.int64)
        order = waiting[np.argsort(claims(nodes, waiting, least), kind="stable")]
    rank[order] = np.arange(1, order.size + 1)
    return rank
