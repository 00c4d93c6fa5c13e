"""Submission: batches and their jobs, durable before the answer.

Small submissions of many callers share one transaction; a stream of up to a million jobs has one
of its own. Here is what both need: rights, the app version, and the lane.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from broker.domain.gangs import is_gang, too_large
from broker.domain.matching import suits
from broker.domain.shortfalls import no_part
from broker.errors import InvalidInput, NotFound
from broker.protocol.batches import BatchHeader, DryRun
from broker.protocol.ids import AccountId, AppId, LaneId
from broker.protocol.nodes import Kind
from broker.protocol.resources import WHOLE, JobLimits, Resources
from broker.services.apps.catalogue import Catalogue, Runnable, RunnableApp, require_submittable
from broker.services.plans import estimates
from broker.services.plans.estimates import Outlook
from broker.services.projects.places import place_of
from broker.services.requests.actor import Actor
from broker.services.requests.answers import IdempotencyKey, Stored
from broker.services.requests.references import absent, find_node
from broker.services.submission import admission
from broker.services.submission.job_requests import JobRow, check_blobs
from broker.services.submission.orders import SubmissionOrder, table_of
from broker.services.submission.prepared import Prepared, ask_of
from broker.services.submission.small_batches import Small, SmallBatches
from broker.services.submission.streamed_batches import Body, StreamedBatches
from broker.storage import fleet, lanes
from broker.storage.database import Database

LANES_REMEMBERED_MAX = 100_000

LaneKey = tuple[AccountId, int, str, Resources, JobLimits]


@dataclass(slots=True)
class Submission:
    """Takes submissions.

    Args:
        nudge: called after a commit, so that the feeder need not wait for its clock.
    """

    database: Database
    outlook: Outlook
    catalogue: Catalogue
    nudge: Callable[[], None]
    host_silent_seconds: float
    jobs_accepted: int = 0
    _lanes: dict[LaneKey, LaneId] = field(default_factory=dict)
    _small: SmallBatches = field(init=False)
    _streamed: StreamedBatches = field(init=False)

    def __post_init__(self) -> None:
        self._small = SmallBatches(self.database)
        self._streamed = StreamedBatches(self.database)

    async def prepare(self, actor: Actor, header: BatchHeader) -> Prepared:
        """Authorises a submission and finds its lane.

        Raises:
            InvalidInput, Conflict: the app, version or project cannot take jobs.
            Forbidden: the account may not submit to the app, or not in the project or pool.
        """
        await actor.renew()  # rights may have changed while the request was read
        node = find_node(actor.world, Kind.APP, header.app, "/app")
        if node is None:
            raise InvalidInput.of("/app", absent("app", header.app).message)
        place = place_of(actor.world, actor, header.project)
        order = SubmissionOrder(
            actor,
            header.app,
            AppId(node),
            header.project,
            place,
            header.pool,
            table_of(actor.world, header.table),
        )
        order.roots.write(header.outputs_to, "/outputs_to")
        order.require()
        app = await self.catalogue.app(order.app_id)
        runnable = await self._runnable(order, app, header.version)
        await self._check_size(header, runnable)
        lane_id = await self._lane(actor.account_id, header, runnable)
        return Prepared(actor.account_id, header, runnable, lane_id, order)

    async def _runnable(
        self, order: SubmissionOrder, app: RunnableApp, number: int | None
    ) -> Runnable:
        """The version that takes the jobs; a draft only for those who edit it."""
        try:
            found = await self.catalogue.version(app, number)
            require_submittable(found, order.sees_drafts)
        except NotFound as error:
            raise InvalidInput.of("/version", error.message) from None
        return found

    async def submit(
        self, prepared: Prepared, jobs: Sequence[JobRow], key: IdempotencyKey | None = None
    ) -> Stored:
        """Stores a submission whose jobs are in memory, together with other callers'.

        Raises:
            LimitExceeded: the account has too many jobs in progress.
            KeyReused: the idempotency key came with another request before.
            InvalidInput: an input refers to content that the account did not upload.
        """
        await check_blobs(self.database, prepared.account_id, jobs)
        stored = await self._small.store(Small(prepared, jobs, key))
        self.accepted(0 if stored.replayed else len(jobs))
        return stored

    async def stream(
        self,
        prepared: Prepared,
        chunks: AsyncIterator[list[JobRow]],
        jobs_estimate: int,
        key: str | None,
        digest: Callable[[], bytes],
    ) -> Stored:
        """Stores a stream of jobs; see `StreamedBatches.store`."""
        stored, jobs = await self._streamed.store(prepared, chunks, jobs_estimate, key, digest)
        self.accepted(jobs)
        return stored

    def accepted(self, jobs: int) -> None:
        """Call after a commit: counts the new jobs, and has the feeder look."""
        self.jobs_accepted += jobs
        self.nudge()

    async def replay_stream(self, actor: Actor, key: str, body: Body) -> Stored | None:
        """The stored answer to a stream with this key; see `StreamedBatches.replay`."""
        return await self._streamed.replay(actor.account_id, key, body)

    async def dry_run(self, prepared: Prepared, jobs: int) -> DryRun:
        """What the submission would meet; stores nothing.

        Raises:
            LimitExceeded: a limit would refuse it.
        """
        await admission.would_admit(self.database, ask_of(prepared, jobs))
        header, spec = prepared.header, prepared.runnable.spec
        last = await self.outlook.board()
        standing = estimates.account_standing(last, prepared.account_id)
        async with self.database.connection() as connection:
            ahead = await lanes.queued(connection, prepared.lane_id)
            hosts = await lanes.hosts_of_lane(connection, prepared.lane_id)
            start = await estimates.start(
                connection,
                last,
                prepared.account_id,
                prepared.lane_id,
                jobs_ahead=ahead,
                pool=header.pool,
                needs=header.resources or spec.resources,
                limits=header.limits or spec.limits,
                silent_seconds=self.host_silent_seconds,
            )
        return DryRun(
            jobs=jobs,
            version_number=prepared.runnable.number,
            jobs_ahead=ahead,
            fitting_hosts=sum(suits(needs, facts) for facts, needs in hosts),
            account_rank=(standing.rank or None) if standing else None,
            start=start,
        )

    async def _check_size(self, header: BatchHeader, runnable: Runnable) -> None:
        """Refuses a gang for which the pool is too small, and parts of GPUs where it has none;
        a pool without hosts yet takes any."""
        needs = header.resources or runnable.spec.resources
        if not is_gang(needs) and needs.gpu_eighths == WHOLE:
            return
        async with self.database.connection() as connection:
            hosts = await fleet.facts_of_pool(connection, header.pool)
        if problem := no_part(needs, hosts):
            raise InvalidInput.of("/resources/gpu_eighths", f"pool {header.pool}: {problem}")
        if problem := too_large(needs, hosts):
            field = "hosts" if needs.hosts > 1 else "gpus"
            raise InvalidInput.of(f"/resources/{field}", f"pool {header.pool}: {problem}")

    async def _lane(self, account: AccountId, header: BatchHeader, runnable: Runnable) -> LaneId:
        needs = header.resources or runnable.spec.resources
        bounds = header.limits or runnable.spec.limits
        key = (account, int(runnable.version_id), header.pool, needs, bounds)
        if key not in self._lanes:
            if len(self._lanes) >= LANES_REMEMBERED_MAX:
                self._lanes.clear()
            async with self.database.connection() as connection:
                self._lanes[key] = await lanes.ensure(
                    connection, account, runnable.version_id, header.pool, needs, bounds
                )
        return self._lanes[key]
