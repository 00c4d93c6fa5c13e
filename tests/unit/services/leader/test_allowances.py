"""How many jobs budgets still pay for."""

from dataclasses import dataclass

from broker.protocol.ids import AccountId, LaneId
from broker.services.leader.allowances import allowances
from broker.storage.budgets import Drawn

ANN, BOB = AccountId(1), AccountId(2)


@dataclass(frozen=True)
class Lane:
    id: LaneId
    account: AccountId
    pending: int
    running: int = 0
    job_gpu_seconds: float = 10.0


def lane(number: int, account: AccountId, pending: int, running: int = 0) -> Lane:
    return Lane(LaneId(number), account, pending, running)


def test_no_lane_is_held_back_while_the_budget_pays_for_all() -> None:
    lanes = [lane(1, ANN, 5, running=5), lane(2, BOB, 10_000)]
    assert allowances([Drawn(1, 100.0, [ANN])], lanes, {}) == {}


def test_running_jobs_take_their_expected_length_first() -> None:
    lanes = [lane(1, ANN, 50, running=7)]
    assert allowances([Drawn(1, 100.0, [ANN])], lanes, {}) == {1: 3}
    assert allowances([Drawn(1, 70.0, [ANN])], lanes, {}) == {1: 0}


def test_a_job_starts_while_anything_is_left() -> None:
    assert allowances([Drawn(1, 70.001, [ANN])], [lane(1, ANN, 50, running=7)], {}) == {1: 1}


def test_what_the_budget_has_not_counted_yet_is_taken_off() -> None:
    lanes = [lane(1, ANN, 50)]
    assert allowances([Drawn(1, 100.0, [ANN])], lanes, {ANN: 60.0, BOB: 1e9}) == {1: 4}


def test_members_share_what_is_left_in_equal_parts() -> None:
    lanes = [lane(1, ANN, 2), lane(2, ANN, 100), lane(3, BOB, 100)]
    allowed = allowances([Drawn(1, 100.0, [ANN, BOB])], lanes, {})
    assert allowed == {2: 4, 3: 4}  # lane 1 gets its two


def test_the_tightest_of_several_budgets_counts() -> None:
    budgets = [Drawn(1, 1000.0, [ANN, BOB]), Drawn(2, 20.0, [ANN]), Drawn(3, 0.0, [BOB])]
    lanes = [lane(1, ANN, 200), lane(2, BOB, 200)]
    assert allowances(budgets, lanes, {}) == {1: 2, 2: 0}


def test_a_budget_without_lanes_holds_nobody_back() -> None:
    assert allowances([Drawn(1, 0.0, [ANN])], [], {}) == {}
    assert allowances([Drawn(1, 0.0, [ANN])], [lane(1, BOB, 3)], {}) == {}
