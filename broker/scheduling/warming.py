"""Every kernel compiled before the first cycle, so that none pays for it."""

from dataclasses import replace

import numpy as np

from broker.scheduling.accounts import Accounts, Groups
from broker.scheduling.cycle import plan
from broker.scheduling.division import divide
from broker.scheduling.history import charges
from broker.scheduling.lag import carried
from broker.scheduling.reclaim import Reclaim, reclaims
from broker.scheduling.snapshot import Hosts, Lanes, Running, Snapshot


def warm() -> None:
    """Compile every kernel, or load it from the cache, so that no cycle pays for it later."""
    snapshot, rules = _crowded()
    reclaims(snapshot, plan(snapshot, 0.0), rules, 0.0)
    plan(_mixed(snapshot), 0.0)
    zeros, ones, row = np.zeros(2), np.ones(2, np.int64), np.zeros(2, np.int32)
    divide(1.0, zeros, zeros, parent=np.full(2, -1))
    carried(zeros, zeros, zeros, np.full(2, -1), 1.0, 1.0)
    charges(row, ones, zeros, zeros, zeros, accounts=2, now=0.0, half_life_seconds=1.0)


def _crowded() -> tuple[Snapshot, Reclaim]:
    """One host of which one account holds four of five slots, while another waits; any may go."""
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
    return snapshot, Reclaim(np.zeros(1, np.int32), np.zeros(1), 9 * one)


def _mixed(snapshot: Snapshot) -> Snapshot:
    """What the other one leaves out: a group, two classes of which one suits everybody, so that
    jobs make room for others, and a wide job that hosts are held for."""
    group = Groups(id=np.zeros(1, np.int64), parent=np.full(1, -1), weight=np.ones(1))
    hosts, ones = np.arange(3), np.ones(3, np.int64)
    return replace(
        snapshot,
        accounts=replace(snapshot.accounts, group=np.array([-1, 0], np.int32)),
        groups=group,
        lanes=Lanes(
            id=hosts,
            account=np.array([0, 1, 0], np.int32),
            pending=np.array([2, 3, 1]),
            running=np.array([0, 1, 0]),
            slots=np.array([1, 1, 2], np.int32),
            cpus=ones.astype(np.int32),
            memory_mib=ones,
            classes=np.array([0b11, 0b01, 0b01], np.uint64),
            last_served=np.zeros(3),
            members=np.array([1, 1, 2], np.int32),
            skipped=np.array([0, 0, snapshot.reserve_after_skips], np.int32),
        ),
        hosts=Hosts(
            id=hosts,
            klass=np.array([0, 0, 1], np.int32),
            slots_free=np.array([1, 1, 3], np.int32),
            cpus_free=np.full(3, 9, np.int32),
            memory_mib_free=9 * ones,
        ),
        running=Running(ones[:1], ones[:1].astype(np.int32), np.zeros(1, np.int32), np.ones(1)),
        class_capacity=np.array([3, 3]),
    )
