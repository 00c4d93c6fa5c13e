"""The figures of one replay, the same for every policy."""

from dataclasses import dataclass

import numpy as np

from broker.scheduling.columns import Floats
from broker.scheduling.simulation.alone import Alone
from broker.scheduling.simulation.clock import Attempts
from broker.scheduling.simulation.scene import Scene
from broker.scheduling.simulation.timeline import Timeline, timeline

HOUR_SECONDS = 3600.0
BACKLOG_FRACTION = 0.05  # of the time on the own slice; what is below is no substantial backlog
GANG_GPUS = 8


@dataclass(frozen=True, slots=True)
class Metrics:
    """From the first to the last submission, but for waits and rho, which see every job's end.

    fairness_error: integral of sum max(0, f - a) over capacity x time; 0 is best.
    worst_lag_gpu_hours: the largest |integral (f - a)| of an account; 0 is best.
    worst_lag_account: whose that is. peak_lag_gpu_hours: the largest on the way.
    jain: Jain's index of received over entitled, over `jain_accounts` accounts that on their own
        slice would have had a backlog 5 % of the time or more; 1 is best.
    rho_p50, rho_p95, rho_max: over accounts, time in the shared system over time on the own slice.
    gang_wait_p95_hours: of jobs of 8 GPUs or more, None where there are none.
    wait_p50_hours, wait_p95_hours: of all jobs.
    preempted_gpu_hours: spent on attempts that were stopped. utilisation: slots held / slots.
    """

    fairness_error: float
    worst_lag_gpu_hours: float
    worst_lag_account: str
    peak_lag_gpu_hours: float
    jain: float
    jain_accounts: int
    rho_p50: float
    rho_p95: float
    rho_max: float
    gang_wait_p95_hours: float | None
    wait_p50_hours: float
    wait_p95_hours: float
    preempted_gpu_hours: float
    utilisation: float


@dataclass(frozen=True, slots=True)
class Course:
    """For pictures. hours: float64[b + 1], bounds of bins since the first submission. By bin and
    group: entitled, held float64[b, g], mean slots. lag_gpu_hours float64[b + 1, g], so far."""

    groups: tuple[str, ...]
    hours: Floats
    entitled: Floats
    held: Floats
    lag_gpu_hours: Floats


@dataclass(frozen=True, slots=True)
class Report:
    """What a policy made of a trace. days: from the first to the last submission."""

    policy: str
    slots: int
    jobs: int
    accounts: int
    days: float
    half_life_seconds: float
    cycles: int
    metrics: Metrics
    course: Course


def report(policy: str, scene: Scene, attempts: Attempts, reference: Alone) -> Report:
    """Measure a replay. reference: the same accounts on slices of their own."""
    line = timeline(scene, attempts)
    return Report(
        policy=policy,
        slots=scene.fleet.slots,
        jobs=scene.trace.jobs,
        accounts=len(scene.tree.accounts),
        days=(scene.end_seconds - scene.start_seconds) / 86400.0,
        half_life_seconds=scene.half_life_seconds,
        cycles=attempts.cycles,
        metrics=_metrics(scene, attempts, reference, line),
        course=_course(scene, line),
    )


def _metrics(scene: Scene, attempts: Attempts, reference: Alone, line: Timeline) -> Metrics:
    trace, job = scene.trace, attempts.job
    seconds = scene.end_seconds - scene.start_seconds
    offered = scene.fleet.slots * seconds or 1.0
    lag = np.abs(line.entitled - line.received) / HOUR_SECONDS
    worst = int(lag.argmax())
    backlog = reference.backlogged_seconds >= BACKLOG_FRACTION * seconds
    backlog &= line.entitled > 0
    rho = _rho(scene, attempts, reference)
    first = np.full(trace.jobs, np.inf)
    np.minimum.at(first, job, attempts.start_seconds)
    wait = (first - trace.submit_seconds) / HOUR_SECONDS
    stopped = ~attempts.completed
    lost = trace.gpus[job] * (attempts.end_seconds - attempts.start_seconds) * stopped
    return Metrics(
        fairness_error=line.short_slot_seconds / offered,
        worst_lag_gpu_hours=float(lag[worst]),
        worst_lag_account=name_of(trace.accounts[worst]),
        peak_lag_gpu_hours=float(line.lag_peak.max()) / HOUR_SECONDS,
        jain=jain(line.received[backlog] / line.entitled[backlog]),
        jain_accounts=int(backlog.sum()),
        rho_p50=float(np.percentile(rho, 50)),
        rho_p95=float(np.percentile(rho, 95)),
        rho_max=float(rho.max()),
        gang_wait_p95_hours=_p95(wait[trace.gpus >= GANG_GPUS]),
        wait_p50_hours=float(np.percentile(wait, 50)),
        wait_p95_hours=float(np.percentile(wait, 95)),
        preempted_gpu_hours=float(lost.sum()) / HOUR_SECONDS,
        utilisation=float(line.received.sum()) / offered,
    )


def jain(ratios: Floats) -> float:
    """(sum x)^2 / (n sum x^2): 1 where all are equal, 1/n where one has everything, 1 of none.
    Source: Jain, Chiu and Hawe, DEC-TR-301, 1984."""
    squares = float((ratios**2).sum())
    return float(ratios.sum()) ** 2 / (ratios.size * squares) if squares > 0 else 1.0


def _rho(scene: Scene, attempts: Attempts, reference: Alone) -> Floats:
    """Time in the shared system over time on the own slice, by account with a slice and work."""
    trace, accounts = scene.trace, len(scene.tree.accounts)
    end = np.full(trace.jobs, -np.inf)
    np.maximum.at(end, attempts.job, attempts.end_seconds)
    shared = np.bincount(trace.account, end - trace.submit_seconds, minlength=accounts)
    own = np.bincount(trace.account, reference.seconds, minlength=accounts)
    measurable = np.isfinite(own) & (own > 0)
    return shared[measurable] / own[measurable] if measurable.any() else np.ones(1)


def _p95(wait_hours: Floats) -> float | None:
    return float(np.percentile(wait_hours, 95)) if wait_hours.size else None


def _course(scene: Scene, line: Timeline) -> Course:
    """Sums by group; accounts beside the groups stand on their own."""
    names = list(scene.tree.groups)
    column = scene.tree.group.astype(np.int64).copy()
    for account in np.flatnonzero(column < 0):
        column[account] = len(names)
        names.append(name_of(scene.tree.accounts[account]))
    member = np.zeros((column.size, len(names)))
    member[np.arange(column.size), column] = 1.0
    entitled, received = line.entitled_until @ member, line.received_until @ member
    width = np.diff(line.seconds)[:, None]
    width = np.where(width > 0, width, 1.0)
    return Course(
        groups=tuple(names),
        hours=(line.seconds - line.seconds[0]) / HOUR_SECONDS,
        entitled=np.diff(entitled, axis=0) / width,
        held=np.diff(received, axis=0) / width,
        lag_gpu_hours=(entitled - received) / HOUR_SECONDS,
    )


def name_of(account: tuple[str, str]) -> str:
    """group/user, or the one of them that there is."""
    return "/".join(part for part in account if part)
