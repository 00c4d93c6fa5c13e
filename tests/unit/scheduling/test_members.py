"""Jobs of several members in a plan, and how the leader reads them."""

from broker.scheduling import plan
from broker.services.leader.granting import merged, together
from tests.oracles.fleets import fleet

GANG = {"members": 3, "pending": 5}


def test_members_share_hosts_unless_each_needs_its_own() -> None:
    hosts = [{"slots_free": 2}, {"slots_free": 2}]
    assert [len(spots) for _, spots in together(plan(fleet([1], [GANG], hosts), 0.0))] == [2]
    apart = {**GANG, "members_on_host": 1}
    assert together(plan(fleet([1], [apart], hosts), 0.0)) == []
    wider = [*hosts, {"slots_free": 1}]
    ((lane, spots),) = together(plan(fleet([1], [apart], wider), 0.0))
    assert (lane, sorted(spots)) == (0, [0, 1, 2])


def test_gangs_and_single_jobs_of_one_plan_are_told_apart() -> None:
    apart = {"members": 2, "members_on_host": 1, "pending": 2}
    hosts = [{"slots_free": 3}, {"slots_free": 3}]
    decided = plan(fleet([1, 1], [apart, {"pending": 9}], hosts), 0.0)
    gangs, singles = together(decided), merged(decided)
    assert gangs
    assert {lane for lane, _ in gangs} == {0}
    assert {lane for lane, _, _ in singles} == {1}
    used = sum(len(spots) for _, spots in gangs) + sum(jobs for _, _, jobs in singles)
    assert used == 6
