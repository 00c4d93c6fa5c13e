"""What a host lacks for a job, in words: `matching.suits` with its reasons."""

from collections.abc import Sequence
from dataclasses import dataclass

from broker.domain.words import count
from broker.protocol.resources import Gpu, HostFacts, Resources


@dataclass(frozen=True, slots=True)
class Shortfall:
    """One thing that a host lacks. `factor` says how far: wanted by what is there, above 1."""

    text: str
    factor: float


def shortfalls(needs: Resources, host: HostFacts) -> list[Shortfall]:
    """Everything that the host lacks; empty exactly when it suits."""
    short = []
    if needs.cpus > host.cpus:
        text = f"{count(needs.cpus, 'CPU core')} (the nearest host has {host.cpus})"
        short.append(Shortfall(text, needs.cpus / host.cpus))
    if needs.memory_mib > host.memory_mib:
        text = f"{needs.memory_mib:,} MiB of memory (the nearest host has {host.memory_mib:,})"
        short.append(Shortfall(text, needs.memory_mib / max(0.5, host.memory_mib)))
    if needs.gpus == 0:
        return short if host.slots else [*short, Shortfall("a host with CPU slots", 2)]
    if len(host.gpus) < needs.gpus:
        text = f"{count(needs.gpus, 'GPU')} on one host (the nearest has {len(host.gpus)})"
        short.append(Shortfall(text, needs.gpus / max(0.5, len(host.gpus))))
    return short + max((_of_gpu(needs, gpu) for gpu in host.gpus), key=len, default=[])


def nearest_shortfall(needs: Resources, hosts: Sequence[HostFacts]) -> str:
    """What the host lacks that lacks least, in words."""
    found = [shortfalls(needs, host) for host in hosts]
    nearest = min(found, key=lambda short: (len(short), sum(each.factor for each in short)))
    return " and ".join(each.text for each in nearest)


def _of_gpu(needs: Resources, gpu: Gpu) -> list[Shortfall]:
    short = []
    if gpu.memory_mib < needs.gpu_memory_mib:
        there = f"the nearest has {gpu.memory_mib:,}"
        text = f"{needs.gpu_memory_mib:,} MiB of memory on each GPU ({there})"
        short.append(Shortfall(text, needs.gpu_memory_mib / max(0.5, gpu.memory_mib)))
    if gpu.compute_capability < needs.compute_capability:
        there = f"the nearest has {gpu.compute_capability:g}"
        text = f"CUDA compute capability {needs.compute_capability:g} ({there})"
        short.append(Shortfall(text, needs.compute_capability / max(0.01, gpu.compute_capability)))
    if needs.gpu_model is not None and needs.gpu_model.casefold() not in gpu.model.casefold():
        text = f"a GPU model like {needs.gpu_model!r} (the nearest is {gpu.model!r})"
        short.append(Shortfall(text, 2))
    return short


def needed(needs: Resources) -> str:
    """What a job takes of one host, in words."""
    parts = [count(needs.gpus, "GPU") if needs.gpus else "a CPU slot"]
    if needs.cpus > 1:
        parts.append(count(needs.cpus, "CPU core"))
    if needs.memory_mib:
        parts.append(f"{needs.memory_mib:,} MiB of memory")
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
