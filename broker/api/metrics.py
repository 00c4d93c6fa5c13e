"""Metrics in the text format of Prometheus. Labels come from the route table: they are bounded.

Names of accounts, apps or hosts never become labels: anyone may read the metrics.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final, NamedTuple

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from broker.protocol.states import Outcome
from broker.services.context import Services

TEXT: Final = CONTENT_TYPE_LATEST
BUCKETS_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)
UNMATCHED: Final = "unmatched"
FAILED, GONE = 500, 499  # an unexpected error; the client left before the answer


class Measures(NamedTuple):
    """What one kind of answer adds to."""

    requests: Counter
    seconds: Histogram


@dataclass(slots=True)
class Metrics:
    """The metrics of one broker."""

    registry: CollectorRegistry = field(
        default_factory=lambda: CollectorRegistry(auto_describe=False)
    )
    _requests: Counter = field(init=False)
    _seconds: Histogram = field(init=False)
    _known: dict[tuple[str, str, int], Measures] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._requests = Counter(
            "fairlead_http_requests",
            "Requests by route and status.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "fairlead_http_request_seconds",
            "Time to the end of the answer; long polls and streams wait on purpose.",
            ["method", "route"],
            buckets=BUCKETS_SECONDS,
            registry=self.registry,
        )
        ProcessCollector(registry=self.registry)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts one answer."""
        key = (method, route, status)
        measures = self._known.get(key)
        if measures is None:
            measures = self._known[key] = Measures(
                self._requests.labels(method, route, str(status)),
                self._seconds.labels(method, route),
            )
        measures.requests.inc()
        measures.seconds.observe(seconds)

    def exposition(self, services: Services, outbox_depth: int | None) -> bytes:
        """All metrics as text.

        Args:
            outbox_depth: rows that Redis must still be told; None when nobody knows.
        """
        now = CollectorRegistry(auto_describe=False)
        now.register(_Moment(list(of_services(services, outbox_depth))))
        return generate_latest(self.registry) + generate_latest(now)


METRICS: Final = web.AppKey("metrics", Metrics)


@web.middleware
async def measure(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Times every request; the outermost layer, so that it sees what the client sees."""
    started, status = perf_counter(), GONE
    try:
        response = await handler(request)
        status = response.status
    except web.HTTPException as error:
        status = error.status
        raise
    except Exception:
        status = FAILED
        raise
    finally:
        resource = request.match_info.route.resource
        # A method that we do not know would make a label of the client's choice.
        method, route = (request.method, resource.canonical) if resource else ("", UNMATCHED)
        request.app[METRICS].observe(method, route, status, perf_counter() - started)
    return response


def of_services(services: Services, outbox_depth: int | None) -> Iterator[Metric]:
    """What the services count, as it stands now."""
    dispatch, pool = services.dispatch, services.database.pool
    gauges: dict[str, tuple[str, float | None]] = {
        "fairlead_leading": ("1 while this broker runs the scheduler.", dispatch.term is not None),
        "fairlead_polls_open": ("Hosts that wait here for work.", len(services.waiting)),
        "fairlead_streams_open": ("Logs and events that are followed.", len(services.streams)),
        "fairlead_outbox_rows": ("Rows that Redis must be told, at most 10000.", outbox_depth),
        "fairlead_database_connections": ("Connections to PostgreSQL.", pool.get_size()),
        "fairlead_database_connections_idle": ("Of these, unused.", pool.get_idle_size()),
    }
    if dispatch.term is not None:
        gauges |= {
            "fairlead_fairness_error": (
                "Part of the fleet, 0 to 1, that accounts hold too little of what is due now.",
                dispatch.fairness.now,
            ),
            "fairlead_fairness_error_average": (
                "The same on average over about the last five minutes.",
                dispatch.fairness.average,
            ),
        }
    counters = {
        "fairlead_scheduler_fallbacks": (
            "Plans that failed: jobs were granted first come, first served. Must stay 0.",
            dispatch.fallbacks,
        ),
        "fairlead_scheduler_cycles": ("Scheduling cycles of this broker.", dispatch.cycles),
        "fairlead_scheduler_seconds": ("Time spent in them.", dispatch.cycle_seconds),
        "fairlead_leases_granted": ("Leases granted by this broker.", dispatch.leases_granted),
        "fairlead_jobs_reclaimed": (
            "Running jobs that were asked back for accounts below their share.",
            dispatch.reclaiming.jobs_reclaimed,
        ),
        "fairlead_reclaim_failures": (
            "Times that the choice of jobs to take back failed. Must stay 0.",
            dispatch.reclaiming.failures,
        ),
        "fairlead_jobs_accepted": (
            "Jobs of submissions and reruns that this broker stored.",
            services.submission.jobs_accepted,
        ),
    }
    for name, (text, value) in gauges.items():
        if value is not None:
            yield GaugeMetricFamily(name, text, value=float(value))
    for name, (text, count) in counters.items():
        yield CounterMetricFamily(name, text, value=float(count))
    settled = CounterMetricFamily(
        "fairlead_attempts_settled", "Leases that this broker closed.", labels=["outcome"]
    )
    for outcome in Outcome:
        settled.add_metric([outcome], services.settling.attempts_settled[outcome])
    yield settled


class _Moment:
    """A collector of metrics that were read already."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        return self._metrics
