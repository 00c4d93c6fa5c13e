"""What fits where: may a host of these facts run a job with these needs, when it is idle?"""

from collections.abc import Sequence

from broker.domain.words import part
from broker.protocol.resources import WHOLE, Gpu, HostFacts, Resources, kinds


def gpu_suits(need: Resources, gpu: Gpu) -> bool:
    """Whether one GPU, or part of one, satisfies a job's wishes about GPUs."""
    return (
        size_suits(need, gpu)
        and gpu.memory_mib >= need.gpu_memory_mib
        and gpu.compute_capability >= need.compute_capability
        and (need.gpu_model is None or need.gpu_model.casefold() in gpu.model.casefold())
    )


def size_suits(need: Resources, gpu: Gpu) -> bool:
    """Whether a device is as large a part of a GPU as a job asks for.

    Who asks for whole GPUs gets whole ones, and who asks for a part gets a part. A program sees
    one MIG instance at most, whatever its size, so several of them are no use to a job.
    """
    if need.gpu_eighths == WHOLE:
        return gpu.eighths == WHOLE and not (need.gpus > 1 and gpu.is_mig)
    return need.gpu_eighths <= gpu.eighths < WHOLE


def suits(need: Resources, host: HostFacts) -> bool:
    """Whether an idle host could run the job.

    A job with GPUs takes devices of one kind, one without takes a CPU slot.
    """
    if need.cpus > host.cpus or need.memory_mib > host.memory_mib:
        return False
    if need.gpus == 0:
        return host.slots > 0
    return most_alike(need, host) >= need.gpus


def most_alike(need: Resources, host: HostFacts) -> int:
    """The most devices of one kind of a host that satisfy a job's wishes about GPUs."""
    return max((len(kind) for kind in suiting_kinds(need, host)), default=0)


def suiting_kinds(need: Resources, host: HostFacts) -> Sequence[Sequence[Gpu]]:
    """The kinds of a host's devices that satisfy a job's wishes about GPUs."""
    return [kind for kind in kinds(host.gpus) if gpu_suits(need, kind[0])]


def misfit(need: Resources, host: HostFacts) -> str | None:
    """Why the host could never run the job, in words; None when it could."""
    if suits(need, host):
        return None
    if need.cpus > host.cpus:
        return f"{need.cpus} CPU cores wanted, {host.cpus} there"
    if need.memory_mib > host.memory_mib:
        return f"{need.memory_mib} MiB of memory wanted, {host.memory_mib} there"
    if need.gpus == 0:
        return "no CPU slots there"
    if len(host.gpus) < need.gpus:
        return f"{need.gpus} GPUs wanted, {len(host.gpus)} there"
    if not any(size_suits(need, gpu) for gpu in host.gpus):
        wanted = "whole GPUs" if need.gpu_eighths == WHOLE else part(need.gpu_eighths)
        return f"{wanted} wanted, and it has none"
    alike = most_alike(need, host)
    if alike:
        return f"{need.gpus} GPUs of one kind wanted, {alike} there"
    return "its GPUs are of another model, memory or compute capability"
