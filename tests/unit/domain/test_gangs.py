"""How the ends of members make one end, and which gangs are too large for a pool."""

import itertools

import pytest

from broker.domain.gangs import MemberEnd, decisive, too_large, usage
from broker.protocol.leases import Usage
from broker.protocol.resources import HostFacts, Resources
from broker.protocol.states import Outcome


def ends(*outcomes: tuple[Outcome, bool]) -> list[MemberEnd]:
    """Members in the order in which they ended; ranks count down."""
    ranks = range(len(outcomes) - 1, -1, -1)
    return [MemberEnd(rank, *outcome) for rank, outcome in zip(ranks, outcomes, strict=True)]


S, F, P, C, L = (
    (Outcome.SUCCEEDED, False),
    (Outcome.FAILED, False),
    (Outcome.PREEMPTED, True),
    (Outcome.CANCELLED, True),
    (Outcome.LOST, True),
)
CONSEQUENCE = (Outcome.FAILED, True)


@pytest.mark.parametrize(
    ("members", "decided"),
    [
        (ends(S, S, S), Outcome.SUCCEEDED),
        (ends(S, F, P), Outcome.FAILED),
        (ends(F, P, L), Outcome.LOST),  # the exit code came before the host was missed
        (ends(P, P, P), Outcome.PREEMPTED),
        (ends(S, CONSEQUENCE, P), Outcome.PREEMPTED),  # a peer of what was told to stop
        (ends(C, CONSEQUENCE, S), Outcome.CANCELLED),
        (ends(CONSEQUENCE, S, S), Outcome.FAILED),
    ],
)
def test_the_end_of_all_is_that_of_the_member_to_blame(
    members: list[MemberEnd], decided: Outcome
) -> None:
    assert decisive(members).outcome is decided


def test_a_gang_succeeds_exactly_when_all_members_did() -> None:
    kinds = [S, F, P, C, L, CONSEQUENCE]
    for chosen in itertools.product(kinds, repeat=3):
        succeeded = decisive(ends(*chosen)).outcome is Outcome.SUCCEEDED
        assert succeeded == all(each == S for each in chosen), chosen


def test_the_first_of_several_failures_decides() -> None:
    members = [
        MemberEnd(2, Outcome.TIMED_OUT, False),
        MemberEnd(0, Outcome.FAILED, False, exit_code=9),
    ]
    assert decisive(members).rank == 2


def test_times_add_up_and_peaks_do_not() -> None:
    each = [
        Usage(wall_seconds=5, cpu_seconds=1, memory_peak_mib=10, gpu_utilisation=0.5),
        Usage(wall_seconds=7, cpu_seconds=2, memory_peak_mib=30, energy_joules=4),
    ]
    used = usage([MemberEnd(k, Outcome.SUCCEEDED, False, usage=u) for k, u in enumerate(each)])
    assert (used.wall_seconds, used.cpu_seconds, used.memory_peak_mib) == (7, 3, 30)
    assert (used.gpu_utilisation, used.gpu_memory_peak_mib, used.energy_joules) == (0.5, None, 4)


def host(cpus: int = 8) -> HostFacts:
    return HostFacts(name="h", cpus=cpus, memory_mib=1_000, slots=4)


def test_a_gang_is_too_large_for_a_pool_that_could_never_hold_it() -> None:
    three = Resources(hosts=3)
    assert too_large(three, []) is None
    assert too_large(three, [host()] * 3) is None
    assert "largest gang has 2 hosts" in str(too_large(three, [host()] * 2))
    assert "missing: 16 CPU cores" in str(too_large(Resources(hosts=3, cpus=16), [host()] * 5))
    assert "largest gang has 1 host" in str(
        too_large(Resources(hosts=3, cpus=16), [host(), host(16)])
    )
    assert too_large(Resources(cpus=16), [host()]) is None  # no gang: it may wait for a host
