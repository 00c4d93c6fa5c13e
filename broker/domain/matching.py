"""What fits where: may a host of these facts run a job with these needs, when it is idle?"""

from broker.protocol.resources import Gpu, HostFacts, Resources


def gpu_suits(need: Resources, gpu: Gpu) -> bool:
    """Whether one GPU satisfies a job's wishes about GPUs."""
    return (
        gpu.memory_mib >= need.gpu_memory_mib
        and gpu.compute_capability >= need.compute_capability
        and (need.gpu_model is None or need.gpu_model.casefold() in gpu.model.casefold())
    )


def suits(need: Resources, host: HostFacts) -> bool:
    """Whether an idle host could run the job.

    A job with GPUs takes devices, one without takes a CPU slot. All GPUs of a host are taken to
    be alike (an agent that finds several models enrols them as they are; the weakest decides).
    """
    if need.cpus > host.cpus or need.memory_mib > host.memory_mib:
        return False
    if need.gpus == 0:
        return host.slots > 0
    return len(host.gpus) >= need.gpus and all(gpu_suits(need, gpu) for gpu in host.gpus)


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
    return "its GPUs are of another model, memory or compute capability"
