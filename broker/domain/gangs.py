"""Gangs: what a job on several hosts needs of a pool, and how its members' ends make one end."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from broker.domain.matching import gpu_suits, suiting_kinds, suits
from broker.domain.shortfalls import nearest_shortfall, needed
from broker.domain.words import count
from broker.protocol.leases import Usage
from broker.protocol.resources import WHOLE, HostFacts, Resources
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

    A gang runs on hosts of one class: with GPUs of one kind or with CPU slots, and of parts of GPUs
    only with the smallest that suit. None when they could, and when there are no hosts yet.
    """
    if not hosts or not is_gang(needs):
        return None
    one = needs.model_copy(update={"hosts": 1, "gpus": min(needs.gpus, 1)})
    classes = _devices_by_class(one, needs, hosts)
    if not classes:
        missing = nearest_shortfall(one, hosts)
        return f"none of its hosts could hold a member of the gang; missing: {missing}"
    wanted = needs.slots
    able = max(sum(each >= wanted for each in devices) for devices in classes)
    if able >= needs.hosts:
        return None
    here = f"it has {count(max(map(len, classes)), 'host')} of "
    here += "this kind" if len(classes) == 1 else "any one kind that suits"
    if able:
        return f"{here}, {able} with {needed(needs)}; the largest gang has {count(able, 'host')}"
    most, holders = max((max(devices), devices.count(max(devices))) for devices in classes)
    many = min(needs.hosts, holders)
    largest = f"{count(most, 'GPU')} on " + ("one host" if many == 1 else f"each of {many} hosts")
    return f"{here}, none with {count(wanted, 'GPU')}; the largest gang has {largest}"


def _devices_by_class(
    one: Resources, needs: Resources, hosts: Sequence[HostFacts]
) -> list[list[int]]:
    """Of each class that suits, how many of its devices a job could use on each of its hosts.

    Args:
        one: the needs of a job with one such device.
    """
    found: dict[tuple[int, str, int, float], list[int]] = defaultdict(list)
    for facts in hosts:
        if not suits(one, facts):
            continue
        if not needs.gpus:
            found[WHOLE, "", 0, 0.0].append(1)
        for kind in suiting_kinds(one, facts) if needs.gpus else ():
            gpu = kind[0]
            usable = len(kind) if gpu_suits(needs, gpu) else 1  # of MIG instances one at most
            key = (gpu.eighths, gpu.model, gpu.memory_mib, gpu.compute_capability)
            found[key].append(usable)
    least = min((eighths for eighths, *_ in found), default=WHOLE)
    return [devices for (eighths, *_), devices in found.items() if eighths == least]
