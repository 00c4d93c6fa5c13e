"""What is promised about speed and size, and which bench measures it. Pure data and comparison."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Goal:
    """One promise.

    Args:
        figure: key of the bench's result.
        text: what is measured, for people.
        bound: the worst value that still meets the promise; None for a figure that is only told.
        side: whether the figure must be `at most` or `at least` the bound.
    """

    figure: str
    text: str
    unit: str = ""
    bound: float | None = None
    side: Literal["at most", "at least"] = "at most"

    def verdict(self, result: Mapping[str, Any]) -> str:
        """`met`, `missed`, `told` (no bound), or `not measured`."""
        value = result.get(self.figure)
        if value is None:
            return "not measured"
        if self.bound is None:
            return "told"
        met = value <= self.bound if self.side == "at most" else value >= self.bound
        return "met" if met else "missed"

    @property
    def promise(self) -> str:
        """The bound in words."""
        return "" if self.bound is None else f"{self.side} {shown(self.bound, self.unit)}"


@dataclass(frozen=True, slots=True)
class Bench:
    """One bench: a module that ends its output with a JSON line.

    Args:
        quick: arguments of a smoke run.
        picture: a file beside the page that a full run draws.
        at_least: figures that tell a full run from a smaller one; a goal only counts above them.
    """

    name: str
    module: str
    title: str
    goals: tuple[Goal, ...]
    quick: tuple[str, ...] = ()
    picture: str = ""
    at_least: Mapping[str, float] = field(default_factory=dict)

    def is_full(self, result: Mapping[str, Any]) -> bool:
        """Whether a result comes from a run of the promised size."""
        return all(result.get(figure, 0) >= size for figure, size in self.at_least.items())


BENCHES = (
    Bench(
        "plan",
        "loadtests.bench_plan",
        "One scheduling cycle: 10,000 lanes, 1,000,000 waiting jobs, 100,000 slots, one core",
        (
            Goal("full_plan_p50_ms", "groups, gangs: full cycle, p50", "ms", 25),
            Goal("full_plan_p99_ms", "groups, gangs: full cycle, p99", "ms", 60),
            Goal("refill_plan_p50_ms", "groups, gangs: refill of 5,000 slots, p50", "ms", 3),
            Goal("refill_plan_p99_ms", "groups, gangs: refill of 5,000 slots, p99", "ms", 10),
            Goal("full_explain_percent", "explanations in the full cycle, extra", "%", 20),
            Goal("refill_explain_percent", "explanations in the refill, extra", "%", 20),
            Goal("flat_full_plan_p50_ms", "flat: full cycle, p50", "ms", 25),
            Goal("flat_full_plan_p99_ms", "flat: full cycle, p99", "ms", 60),
            Goal("flat_refill_plan_p50_ms", "flat: refill of 5,000 slots, p50", "ms", 3),
            Goal("flat_refill_plan_p99_ms", "flat: refill of 5,000 slots, p99", "ms", 10),
            Goal("full_kernel_p50_ms", "dispatch kernel within the full cycle, p50", "ms"),
            Goal("full_plan_cpu_p50_ms", "full cycle by the thread's own clock, p50", "ms"),
            Goal("refill_plan_cpu_p50_ms", "refill by the thread's own clock, p50", "ms"),
            Goal("plain_python_ratio", "the same plan in plain Python takes", "times as long"),
        ),
        picture="pictures/plan_growth.png",
    ),
    Bench(
        "reclaim",
        "loadtests.bench_reclaim",
        "What to take back of 100,000 running jobs for 1,000 accounts, by the thread's own clock",
        (
            Goal("tree_10_p50_ms", "groups, gangs: 10 jobs taken, p50", "ms", 20),
            Goal("flat_10_p50_ms", "flat: 10 jobs taken, p50", "ms", 20),
            Goal("tree_10_p99_ms", "groups, gangs: 10 jobs taken, p99", "ms"),
            Goal("flat_10_p99_ms", "flat: 10 jobs taken, p99", "ms"),
            Goal("tree_1000_p50_ms", "groups, gangs: up to 1,000 jobs taken, p50", "ms"),
            Goal("flat_1000_p50_ms", "flat: up to 1,000 jobs taken, p50", "ms"),
            Goal("tree_0_p50_ms", "groups, gangs: where no pool allows it, p50", "ms"),
            Goal("tree_running_jobs", "groups, gangs: running jobs"),
            Goal("flat_running_jobs", "flat: running jobs"),
        ),
        quick=("--quick",),
        at_least={"flat_running_jobs": 100_000},
    ),
    Bench(
        "latency",
        "loadtests.bench_latency",
        "From one submission to the lease in an agent's hands, idle broker",
        (
            Goal("lease_p50_ms", "submission to lease, p50", "ms", 10),
            Goal("lease_p99_ms", "submission to lease, p99", "ms", 50),
            Goal("accepted_p50_ms", "thereof until the submission is answered, p50", "ms"),
            Goal("accepted_p99_ms", "thereof until the submission is answered, p99", "ms"),
        ),
        quick=("--submissions", "20"),
        at_least={"submissions": 500},
    ),
    Bench(
        "api",
        "loadtests.bench_api",
        "Durable submissions of one job each over 32 connections",
        (
            Goal("submissions_per_second", "submissions", "/s", 2_000, "at least"),
            Goal("submission_p99_ms", "one submission, p99", "ms", 60),
            Goal("submission_p50_ms", "one submission, p50", "ms"),
            Goal("broker_cores", "broker", "cores"),
            Goal("driver_cores", "load generator", "cores"),
        ),
        quick=("--submissions", "500", "--seconds", "2"),
        at_least={"submissions": 10_000, "connections": 32},
    ),
    Bench(
        "dispatch",
        "loadtests.bench_dispatch",
        "Jobs end to end: submitted, leased, reported, everything durable",
        (
            Goal("jobs_per_second", "jobs end to end", "/s", 12_000, "at least"),
            Goal("floor_jobs_per_second", "the floor: the same rows by bare SQL", "/s"),
            Goal("ratio_to_floor", "ratio to the floor", "", 0.35, "at least"),
            Goal("broker_memory_mib", "broker's memory", "MiB"),
        ),
        quick=("--jobs", "2000", "--hosts", "4"),
        at_least={"jobs": 100_000},
    ),
    Bench(
        "idle",
        "loadtests.bench_idle",
        "What waiting costs: 10,000 agents in a long poll; 1,000,000 queued jobs",
        (
            Goal("agents_broker_memory_mib", "10,000 agents: broker's memory", "MiB", 500),
            Goal("agents_broker_cores", "10,000 agents: broker's CPU", "cores", 0.2),
            Goal("agents_polls_per_second", "10,000 agents: polls that end and begin anew", "/s"),
            Goal("jobs_broker_memory_mib", "1,000,000 jobs: broker's memory", "MiB", 300),
            Goal("jobs_redis_memory_mib", "1,000,000 jobs: Redis' resident memory", "MiB", 250),
            Goal("jobs_redis_used_memory_mib", "1,000,000 jobs: Redis' used_memory", "MiB"),
            Goal("jobs_accepted_per_second", "1,000,000 jobs: accepted as streams", "/s"),
        ),
        quick=(
            *("--agents", "100", "--wait-seconds", "2", "--window-seconds", "2"),
            *("--jobs", "5000"),
        ),
        at_least={"agents": 10_000, "jobs": 1_000_000},
    ),
    Bench(
        "access",
        "loadtests.bench_access",
        "Rights: 10,000 users, 1,000 teams, 1,000 apps, 5,000 projects, 100,000 folders",
        (
            Goal("check_p50_us", "one check in memory, p50", "us", 10),
            Goal("visible_p50_ms", "everything that one user may see, p50", "ms", 50),
            Goal("visible_p99_ms", "everything that one user may see, p99", "ms"),
            Goal("visible_nodes", "how much that is, p50", "nodes"),
            Goal("load_seconds", "all rights into a broker's memory", "s", 2),
            Goal("load_memory_mib", "the memory that they take", "MiB", 200),
            Goal("restamp_seconds", "a list of its own for 100,000 folders, p50", "s", 3),
            Goal("restamp_max_seconds", "a list of its own for 100,000 folders, longest", "s"),
            Goal(
                "revocation_from_sending_max_ms",
                "a revocation, from sending it to a second broker's first refusal, longest",
                "ms",
                2_000,
            ),
            Goal("revocation_from_sending_p50_ms", "the same, p50", "ms"),
        ),
        quick=("--users", "200", "--teams", "30", "--apps", "20", "--projects", "50"),
        at_least={"users": 10_000, "memberships": 120_000, "folders": 100_000},
    ),
    Bench(
        "locust",
        "loadtests.run_locust",
        "Scientists, agents and an administrator at once, by locust",
        (
            Goal("failures", "failed requests", "", 0),
            Goal("requests_per_second", "requests", "/s"),
            Goal("scientist_p50_ms", "scientist, p50", "ms"),
            Goal("scientist_p99_ms", "scientist, p99", "ms"),
            Goal("agent_p50_ms", "agent (renew, report), p50", "ms"),
            Goal("agent_p99_ms", "agent (renew, report), p99", "ms"),
            Goal("admin_p50_ms", "administrator, p50", "ms"),
            Goal("admin_p99_ms", "administrator, p99", "ms"),
        ),
        quick=("--seconds", "3", "--users", "10"),
        at_least={"users": 30, "run_seconds": 20},
    ),
)


def shown(value: float, unit: str = "") -> str:
    """A figure with its unit, with as many digits as say something."""
    digits = 0 if value == round(value) or abs(value) >= 1_000 else 1 if abs(value) >= 10 else 2
    number = f"{value:,.{digits}f}"
    return f"{number}{unit}" if unit == "/s" else f"{number} {unit}".rstrip()
