"""What the leader remembers of what is due, between two times that it writes it down."""

from dataclasses import replace

import numpy as np
import pytest

from broker.protocol.ids import AccountId
from broker.scheduling import plan
from broker.services.leader.dues import Dues
from tests.oracles.fleets import fleet


def planned(dues: Dues, *accounts: int) -> None:
    """A plan in which these accounts, of equal quotas, want all 12 slots each."""
    lanes = [{"pending": 99}] * len(accounts)
    ids = np.array(accounts)
    snapshot = fleet([1] * len(accounts), lanes, [{"slots_free": 12}], account_id=ids)
    dues.planned(snapshot, plan(snapshot, 0.0))


def test_what_is_due_adds_up_over_time():
    dues = Dues()
    dues.advance(1000.0)
    planned(dues, 1, 2)
    dues.advance(1010.0)
    planned(dues, 1, 2, 3)
    dues.advance(1020.0)
    assert dict(dues.unwritten()) == pytest.approx({1: 100, 2: 100, 3: 40})
    assert dues.of([AccountId(3), AccountId(1), AccountId(9)]).tolist() == [40, 100, 0]
    assert dues.slots([AccountId(2), AccountId(9)]).tolist() == [4, 0]


def test_who_left_is_written_down_too_and_owed_no_more():
    dues = Dues()
    planned(dues, 1, 2)
    dues.advance(10.0)
    planned(dues, 2)
    dues.advance(20.0)
    assert dict(dues.unwritten()) == pytest.approx({1: 60, 2: 180})
    dues.written()
    assert dues.unwritten() == []
    assert dues.of([AccountId(1), AccountId(2)]).tolist() == [0, 0]


def test_who_comes_back_before_that_goes_on_from_what_it_had():
    dues = Dues()
    for accounts in ((1, 2), (2,), (1, 2)):
        planned(dues, *accounts)
        dues.advance(dues._at + 10.0)
    assert dict(dues.unwritten()) == pytest.approx({1: 120, 2: 240})


def test_a_clock_that_steps_back_counts_for_nothing():
    dues = Dues()
    planned(dues, 1)
    dues.advance(10.0)
    dues.advance(5.0)
    assert dict(dues.unwritten()) == pytest.approx({1: 120})


def test_what_is_due_follows_the_quota_alone():
    dues = Dues()
    snapshot = fleet([1, 1], [{"pending": 99}] * 2, [{"slots_free": 12}])
    used = replace(snapshot.accounts, usage_gpu_seconds=np.array([1e9, 0.0]))
    dues.planned(replace(snapshot, accounts=used), plan(replace(snapshot, accounts=used), 0.0))
    dues.advance(1.0)
    assert dict(dues.unwritten()) == pytest.approx({0: 6, 1: 6})


def test_eighths_of_a_slot_become_due_as_slots():
    dues = Dues()
    snapshot = fleet([1, 1], [{"pending": 99}] * 2, [{"slots_free": 8 * 12}], slot_units=8)
    dues.planned(snapshot, plan(snapshot, 0.0))
    dues.advance(1.0)
    assert dict(dues.unwritten()) == pytest.approx({0: 6, 1: 6})
