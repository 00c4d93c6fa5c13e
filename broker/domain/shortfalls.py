"""What a host lacks for a job, in words: `matching.suits` with its reasons."""

from collections.abc import Sequence
from dataclasses import dataclass

from broker.domain.matching import size_suits
from broker.domain.words import count, part
from broker.protocol.resources import WHOLE, Gpu, HostFacts, Resources, kinds


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
    if not host.gpus:
        wanted = f"{_devices(needs)} on one host (the nearest has 0)"
        return [*short, Shortfall(wanted, needs.gpus / 0.5)]
    return short + min((_of_kind(needs, kind) for kind in kinds(host.gpus)), key=_distance)


def nearest_shortfall(needs: Resources, hosts: Sequence[HostFacts]) -> str:
    """What the host lacks that lacks least, in words."""
    found = [shortfalls(needs, host) for host in hosts]
    nearest = min(found, key=_distance)
    return " and ".join(each.text for each in nearest)


def no_part(needs: Resources, hosts: Sequence[HostFacts]) -> str | None:
    """Why a pool has no part of a GPU as large as wanted, naming what it has.

    None when it has, when there are no hosts yet, and when a whole GPU or none is wanted.
    """
    gpus = [gpu for host in hosts for gpu in host.gpus]
    if needs.gpu_eighths == WHOLE or not hosts or any(size_suits(needs, gpu) for gpu in gpus):
        return None
    sizes = sorted({gpu.eighths for gpu in gpus if gpu.eighths < WHOLE})
    there = f"the largest is {part(sizes[-1])}" if sizes else "its GPUs are whole"
    return f"no host has {_devices(needs)}; {there if gpus else 'it has no GPUs'}"


def _distance(short: Sequence[Shortfall]) -> tuple[int, float]:
    """How much is lacking, for comparisons."""
    return len(short), sum(each.factor for each in short)


def _of_kind(needs: Resources, kind: Sequence[Gpu]) -> list[Shortfall]:
    """What devices of one kind lack: their number, their size, what each of them is."""
    short = []
    if len(kind) < needs.gpus:
        text = f"{_devices(needs)} on one host (the nearest has {len(kind)})"
        short.append(Shortfall(text, needs.gpus / len(kind)))
    return short + _of_size(needs, kind[0]) + _of_gpu(needs, kind[0])


def _of_size(needs: Resources, gpu: Gpu) -> list[Shortfall]:
    if size_suits(needs, gpu):
        return []
    if needs.gpu_eighths < WHOLE:
        is_part = gpu.eighths < WHOLE
        there = f"parts of {gpu.eighths}/8" if is_part else "whole ones"
        text = f"{_devices(needs)} (the nearest host has {there})"
        # a whole one is further from it than any part
        return [Shortfall(text, needs.gpu_eighths / gpu.eighths if is_part else WHOLE)]
    if gpu.eighths == WHOLE:
        return [Shortfall("GPUs that are not MIG instances, of which a job can use only one", 2)]
    text = f"whole GPUs (the nearest host has parts of {gpu.eighths}/8)"
    return [Shortfall(text, WHOLE / gpu.eighths)]


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
    parts = [_devices(needs) if needs.gpus else "a CPU slot"]
    if needs.cpus > 1:
        parts.append(count(needs.cpus, "CPU core"))
    if needs.memory_mib:
        parts.append(f"{needs.memory_mib:,} MiB of memory")
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _devices(needs: Resources) -> str:
    if needs.gpu_eighths < WHOLE:
        return f"a part of at least {part(needs.gpu_eighths)}"
    return count(needs.gpus, "GPU")
