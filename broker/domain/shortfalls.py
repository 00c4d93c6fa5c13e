"""What a host lacks for a job, in words: `matching.suits` with its reasons."""

from collections.abc import Sequence

from broker.domain.words import count
from broker.protocol.resources import Gpu, HostFacts, Resources


def shortfalls(needs: Resources, host: HostFacts) -> list[str]:
    """Everything that the host lacks, each as "wanted (there)"; empty exactly when it suits."""
    short = []
    if needs.cpus > host.cpus:
        short.append(f"{count(needs.cpus, 'CPU core')} (the nearest host has {host.cpus})")
    if needs.memory_mib > host.memory_mib:
        there = f"the nearest host has {host.memory_mib:,}"
        short.append(f"{needs.memory_mib:,} MiB of memory ({there})")
    if needs.gpus == 0:
        return short if host.slots else [*short, "a CPU slot (the nearest host offers GPUs only)"]
    if len(host.gpus) < needs.gpus:
        short.append(f"{count(needs.gpus, 'GPU')} on one host (the nearest has {len(host.gpus)})")
    return short + max((_of_gpu(needs, gpu) for gpu in host.gpus), key=len, default=[])


def nearest_shortfall(needs: Resources, hosts: Sequence[HostFacts]) -> str:
    """What the host lacks that lacks least, in words."""
    nearest = min((shortfalls(needs, host) for host in hosts), key=len)
    return " and ".join(nearest)


def _of_gpu(needs: Resources, gpu: Gpu) -> list[str]:
    short = []
    if gpu.memory_mib < needs.gpu_memory_mib:
        there = f"the nearest has {gpu.memory_mib:,}"
        short.append(f"{needs.gpu_memory_mib:,} MiB of memory on each GPU ({there})")
    if gpu.compute_capability < needs.compute_capability:
        there = f"the nearest has {gpu.compute_capability:g}"
        short.append(f"CUDA compute capability {needs.compute_capability:g} ({there})")
    if needs.gpu_model is not None and needs.gpu_model.casefold() not in gpu.model.casefold():
        short.append(f"a GPU model like {needs.gpu_model!r} (the nearest is {gpu.model!r})")
    return short


def needed(needs: Resources) -> str:
    """What a job takes of one host, in words."""
    parts = [count(needs.gpus, "GPU") if needs.gpus else "a CPU slot"]
    if needs.cpus > 1:
        parts.append(count(needs.cpus, "CPU core"))
    if needs.memory_mib:
        parts.append(f"{needs.memory_mib:,} MiB of memory")
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
