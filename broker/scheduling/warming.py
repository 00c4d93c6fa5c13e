"""Every kernel compiled before the first cycle, so that none pays for it."""

import numpy as np

from broker.scheduling.accounts import Accounts
from broker.scheduling.cycle import plan
from broker.scheduling.division import divide
from broker.scheduling.history import charges
from broker.scheduling.lag import carried
from broker.scheduling.reclaim import Reclaim, reclaims
from broker.scheduling.snapshot import Hosts, Lanes, Running, Snapshot


def warm() -> None:
    """Compile every kernel, or load it from the cache, so that no cycle pays for it later."""
    one, two = np.ones(1, np.int64), np.arange(1, 3)
    ones, zeros = np.ones(2, np.int64), np.zeros(2)
    snapshot = Snapshot(
        accounts=Accounts(two, np.array([1.0, 1.0]), zeros),
        lanes=Lanes(
            id=two,
            account=np.array([0, 1], np.int32),
            pending=2 * two,
            running=np.array([4, 0]),
            slots=ones.astype(np.int32),
            cpus=ones.astype(np.int32),
            memory_mib=ones,
            classes=ones.astype(np.uint64),
            last_served=zeros,
        ),
        hosts=Hosts(one, np.zeros(1, np.int32), np.ones(1, np.int32), np.ones(1, np.int32), one),
        running=Running(np.arange(4), np.zeros(4, np.int64), np.zeros(4, np.int64), np.ones(4)),
        class_capacity=5 * one,
        half_life_seconds=1.0,
    )
    rules = Reclaim(np.zeros(1, np.int32), np.zeros(1), 9 * one)
    reclaims(snapshot, plan(snapshot, 0.0), rules, 0.0)
    divide(1.0, zeros, zeros, parent=np.full(2, -1))
    carried(zeros, zeros, zeros, np.full(2, -1), 1.0, 1.0)
    row = np.zeros(2, np.int32)
    charges(row, ones, zeros, zeros, zeros, accounts=2, now=0.0, half_life_seconds=1.0)
