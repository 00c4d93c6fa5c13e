"""Gangs: what a job on several hosts needs of a pool, and how its members' ends make one end."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from broker.domain.matching import most_alike, suits
from broker.domain.shortfalls import needed
from broker.domain.words import count
from broker.protocol.leases import Usage
from broker.protocol.resources import HostFacts, Resources
from broker.protocol.states import Outcome

HOSTS_FAULT = (Outcome.LOST, Outcome.HOST_ERROR)


@dataclass(frozen=True, slots=True)
class MemberEnd:
    """How one member ended; `asked` when the whole attempt was to be stopped before."""

    rank: int
    outcome: Outcome
    asked: bool
    exit_code: int | None = None
    message: str = ""
    usage: Usage = field(default_factory=Usage)


def decisive(ends: Sequence[MemberEnd]) -> MemberEnd:
    """The member whose end is the end of all.

    A host that vanished outweighs what the others report, for a command that loses a peer fails
    by its own exit code, mostly before the broker misses the host. What was asked to stop is not
    to blame for how it stopped.

    Args:
        ends: all members, in the order in which they ended.
    """
    faults = [end for end in ends if end.outcome in HOSTS_FAULT]
    own = [end for end in ends if end.outcome is not Outcome.SUCCEEDED and not end.asked]
    told = [end for end in ends if end.outcome in (Outcome.CANCELLED, Outcome.PREEMPTED)]
    rest = [end for end in ends if end.outcome is not Outcome.SUCCEEDED]
    first = next(iter([*faults, *own, *told, *rest]), None)
    return first or min(ends, key=lambda end: end.rank)


def usage(ends: Sequence[MemberEnd]) -> Usage:
    """What the members used together: times and energy add up, peaks are those of one host.

    The wall-clock time is the longest, because all hosts are held until the last one is done.
    """
    each = [end.usage for end in ends]
    utilisations = [u.gpu_utilisation for u in each if u.gpu_utilisation is not None]
    peaks = [u.gpu_memory_peak_mib for u in each if u.gpu_memory_peak_mib is not None]
    energies = [u.energy_joules for u in each if u.energy_joules is not None]
    return Usage(
        wall_seconds=max(u.wall_seconds for u in each),
        cpu_seconds=sum(u.cpu_seconds for u in each),
        memory_peak_mib=max(u.memory_peak_mib for u in each),
        gpu_utilisation=sum(utilisations) / len(utilisations) if utilisations else None,
        gpu_memory_peak_mib=max(peaks) if peaks else None,
        energy_joules=sum(energies) if energies else None,
    )


def is_gang(needs: Resources) -> bool:
    """Whether a job takes several slots at once, on one host or on several."""
    return needs.hosts > 1 or needs.gpus > 1


def too_large(needs: Resources, hosts: Sequence[HostFacts]) -> str | None:
    """Why no hosts of a pool could ever run a gang together, naming the largest that they could.

    None when they could, when there are no hosts yet, and when not the size is what hinders.
    """
    if not hosts or not is_gang(needs):
        return None
    smaller = needs.model_copy(update={"hosts": 1, "gpus": min(needs.gpus, 1)})
    gpus = [max(1, most_alike(needs, facts)) for facts in hosts if suits(smaller, facts)]
    if not gpus:
        return None
    able = sum(each >= needs.gpus for each in gpus)
    if able >= needs.hosts:
        return None
    here = f"the pool has {count(len(gpus), 'host')} of this kind"
    if able:
        largest = count(able, "host")
        return f"{here}, {able} with {needed(needs)} each; the largest gang has {largest}"
    most = max(gpus)
    holders = sum(each == most for each in gpus)
    many = min(needs.hosts, holders)
    largest = f"{count(most, 'GPU')} on " + ("one host" if many == 1 else f"each of {many} hosts")
    return f"{here}, none with {count(needs.gpus, 'GPU')}; the largest gang has {largest}"
