"""What hosts ask for: work, and more time.

PostgreSQL says what a host holds; the agent says what it knows of. The answer to a poll is the
difference, so a lost message heals by itself. Calls of many hosts share statements.
"""

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from broker.errors import Unauthenticated, Unavailable
from broker.protocol.ids import HostId, JobId
from broker.protocol.leases import LeaseKey, PollRequest, RenewItem
from broker.protocol.limits import LEASES_PER_POLL_MAX
from broker.protocol.states import AnswerStatus
from broker.queues import asks
from broker.queues.asks import Ask
from broker.queues.client import Queues
from broker.services.apps.catalogue import Catalogue
from broker.services.hosts.lanes import LaneBook
from broker.services.hosts.lease_rights import LeaseRights
from broker.services.hosts.waiting import WaitingRoom
from broker.services.infrastructure.group_commit import Group
from broker.storage import fleet, gangs, hosts, leases
from broker.storage.database import Database
from broker.storage.leases import LeaseRow, Wish

DRAINING_DELAY_SECONDS = 5.0  # a draining host polls to hear of cancellations only
Held = tuple[JobId, int, HostId, Wish]
Answered = dict[str, Any]  # protocol.leases.RenewAnswer or ReportAnswer
Lease = tuple[JobId, int, HostId]
GOES_ON = Wish(cancel=False, preempt_grace_seconds=None)
GONE = Wish(cancel=True, preempt_grace_seconds=None)


@dataclass(frozen=True, slots=True)
class Difference:
    """What an agent does not know of the leases of its host. `news` when it was not told before."""

    rows: Sequence[LeaseRow] = ()
    cancel: Sequence[LeaseKey] = ()
    preempt: Sequence[tuple[LeaseKey, float]] = ()  # with the grace in seconds
    news: bool = False


@dataclass(slots=True)
class Leasing:
    """Answers hosts.

    Args:
        heartbeats: a small pool of its own, so that renewals pass when everything else waits.
        principal_seconds: how long a poll goes by what was found of its host when it began.
    """

    database: Database
    heartbeats: Database
    queues: Queues
    catalogue: Catalogue
    lanes: LaneBook
    rights: LeaseRights
    waiting: WaitingRoom
    lease_seconds: float
    principal_seconds: float
    clock: Callable[[], float] = time.time
    seen: set[HostId] = field(default_factory=set)
    _told: dict[HostId, frozenset[tuple[int, int]]] = field(default_factory=dict)
    _reading: Group[HostId, list[Held]] = field(init=False)
    _trusting: Group[HostId, bool] = field(init=False)
    _asking: Group[tuple[HostId, Ask | None], None] = field(init=False)
    _renewing: Group[Sequence[tuple[JobId, int, HostId, bool]], dict[Lease, Wish]] = field(
        init=False
    )

    def __post_init__(self) -> None:
        self._reading = Group(self._read_held, weight_max=500, writers=2)
        self._trusting = Group(self._read_trusted, weight_max=500, writers=2)
        self._asking = Group(self._send_asks, weight_max=1_000)  # in order
        self._renewing = Group(self._write_renewals, weight_max=2_000)

    # -- poll -------------------------------------------------------------------------------

    async def poll(self, host: HostId, request: PollRequest, *, draining: bool) -> bytes:
        """The answer to a poll, as JSON; waits up to `wait_seconds` for something to say.

        Args:
            draining: the host finishes what it holds and gets nothing new.

        Raises:
            Unauthenticated: the host, or its owner, was shut out while the poll waited.
        """
        began = self.clock()
        deadline = began + request.wait_seconds
        waiter = self.waiting.enter(host)
        asked = False
        try:
            while True:
                known = await self._difference(host, request.holding)
                left = deadline - self.clock()
                if known.rows or known.news or left <= 0 or draining or self.waiting.closed:
                    await self._check_trust(host, began, known.rows)
                    return await self._answer(known, draining)
                if (request.free_slots or request.free_gpus) and not asked:
                    asked = True  # before it is: whoever leaves meanwhile must withdraw it
                    await self._asking.add((host, ask_of(request, self.clock() + left)))
                try:
                    async with asyncio.timeout(left):
                        delivered = await waiter.future
                except TimeoutError:
                    asked = False  # the ask ends by itself, at this very moment
                    return await self._answer(known, draining)
                asked = False  # delivered, or woken: what was asked may be forgotten
                if delivered:
                    await self._check_trust(host, began, delivered)
                    return await self._answer(replace(known, rows=delivered), draining)
                if not self.waiting.is_current(host, waiter):
                    return await self._answer(known, draining)
                self.waiting.leave(host, waiter)
                waiter = self.waiting.enter(host)
        finally:
            newest = self.waiting.is_current(host, waiter)
            self.waiting.leave(host, waiter)
            if asked and newest:
                await asyncio.shield(self._withdraw(host))

    async def _difference(self, host: HostId, holding: Sequence[LeaseKey]) -> Difference:
        """What the agent of a host must be told, given what it says that it holds."""
        live = {(job, epoch): wish for job, epoch, _, wish in await self._reading.add(host)}
        known = {(key.job, key.epoch) for key in holding}
        missing = [job for (job, epoch) in live if (job, epoch) not in known]
        wishes = [(key, live.get((key.job, key.epoch), GONE)) for key in holding]
        # An agent takes a while to stop a job, and polls meanwhile: it is told once.
        stop = frozenset((key.job, key.epoch) for key, wish in wishes if wish != GOES_ON)
        news = not stop <= self._told.get(host, frozenset())
        if stop:
            self._told[host] = stop
        else:
            self._told.pop(host, None)
        return Difference(
            await self._missing(host, missing) if missing else (),
            [key for key, wish in wishes if wish.cancel],
            [
                (key, wish.preempt_grace_seconds)
                for key, wish in wishes
                if wish.preempt_grace_seconds is not None and not wish.cancel
            ],
            news,
        )

    async def _missing(self, host: HostId, jobs: Sequence[JobId]) -> list[LeaseRow]:
        """Leases of which an agent does not say that it holds them."""
        wanted = jobs[:LEASES_PER_POLL_MAX]
        async with self.database.connection() as connection:
            rows = await leases.by_ids(connection, wanted)
            own = [row for row in rows if row.host_id == host]
            if len(own) < len(wanted):
                own += await gangs.of_host(connection, host, wanted)
        return own

    async def _check_trust(self, host: HostId, began: float, rows: Sequence[LeaseRow]) -> None:
        """Lets no work go to a host that was banned while its poll waited; others may take it."""
        if not rows or self.clock() - began <= self.principal_seconds:
            return
        if not await self._trusting.add(host):
            async with self.database.connection() as connection:
                await leases.lapse(connection, host, [row.job_id for row in rows])
            raise Unauthenticated("the host, or its owner, was shut out")

    async def _read_trusted(self, group: Sequence[HostId]) -> list[bool]:
        async with self.database.connection() as connection:
            trusted = await hosts.trusted(connection, group)
        return [host in trusted for host in group]

    async def _withdraw(self, host: HostId) -> None:
        try:
            await self._asking.add((host, None))
        except Unavailable:
            return  # the ask names its own expiry

    async def _answer(self, told: Difference, draining: bool) -> bytes:
        lanes = await self.lanes.rows({row.lane_id for row in told.rows})
        texts = await self.catalogue.spec_texts(lane.row.version_id for lane in lanes.values())
        rights = await self.rights.of(told.rows, lanes)
        return orjson.dumps(
            {
                "leases": [
                    lease_json(row, lanes[row.lane_id].fragments, rights.get(row.job_id, {}))
                    for row in told.rows
                ],
                "versions": {f"version_{v}": orjson.Fragment(text) for v, text in texts.items()},
                "cancel": [key_json(key) for key in told.cancel],
                "preempt": [
                    {**key_json(key), "grace_seconds": grace} for key, grace in told.preempt
                ],
                "lease_seconds": self.lease_seconds,
                "request_delay_seconds": DRAINING_DELAY_SECONDS if draining else 0.0,
                "drain": draining,
            }
        )

    async def _read_held(self, hosts: Sequence[HostId]) -> list[list[Held] | Exception]:
        async with self.database.connection() as connection:
            rows = await leases.keys_of_hosts(connection, hosts)
        held: dict[HostId, list[Held]] = defaultdict(list)
        for row in rows:
            held[row[2]].append(row)
        return [held[host] for host in hosts]

    async def _send_asks(
        self, group: Sequence[tuple[HostId, Ask | None]]
    ) -> list[Exception | None]:
        await asks.ask(self.queues, dict(group))
        return [None] * len(group)

    # -- renew ------------------------------------------------------------------------------

    async def renew(self, host: HostId, items: Sequence[RenewItem]) -> list[Answered]:
        """One answer for each lease, in order."""
        wanted = [(item.job, item.epoch, host, item.running) for item in items]
        renewed = await self._renewing.add(wanted, weight=len(wanted)) if wanted else {}
        wishes = [renewed.get((item.job, item.epoch, host)) for item in items]
        return [renewal(item, wish) for item, wish in zip(items, wishes, strict=True)]

    async def _write_renewals(
        self, group: Sequence[Sequence[tuple[JobId, int, HostId, bool]]]
    ) -> list[dict[Lease, Wish] | Exception]:
        wanted = [item for items in group for item in items]
        async with self.heartbeats.connection() as connection:
            renewed = await leases.renew(connection, wanted, lease_seconds=self.lease_seconds)
            if others := [item for item in wanted if item[:3] not in renewed]:
                renewed |= await gangs.renew(connection, others, lease_seconds=self.lease_seconds)
        return [renewed] * len(group)

    # -- who is there -----------------------------------------------------------------------

    def heard(self, host: HostId) -> None:
        """Whatever a host says shows that it is there."""
        self.seen.add(host)

    async def flush_seen(self) -> None:
        """Writes down which hosts were heard since the last time, in one statement."""
        heard, self.seen = self.seen, set()
        if heard:
            async with self.heartbeats.connection() as connection:
                await fleet.seen(connection, sorted(heard))


def ask_of(request: PollRequest, expires_at: float) -> Ask:
    """What a poll offers the scheduler."""
    cpus, memory_mib = request.free_cpus, request.free_memory_mib
    seconds = request.wall_seconds_max
    return Ask(
        expires_at,
        request.free_slots,
        tuple(request.free_gpus_by_kind or (request.free_gpus,)),
        -1 if cpus is None else cpus,
        -1 if memory_mib is None else min(memory_mib, 2**31 - 1),
        math.inf if seconds is None else seconds,
    )


def key_json(key: LeaseKey) -> dict[str, Any]:
    """protocol.leases.LeaseKey as a dict for orjson."""
    return {"job": f"job_{key.job}", "epoch": key.epoch}


def renewal(key: LeaseKey, wish: Wish | None) -> Answered:
    """The answer for one element of a renew call; a lease that nobody wishes for is gone."""
    if wish is None:
        return {**key_json(key), "status": AnswerStatus.FENCED, "cancel": False}
    answer = {**key_json(key), "status": AnswerStatus.OK, "cancel": wish.cancel}
    if wish.preempt_grace_seconds is not None:
        answer["preempt_grace_seconds"] = wish.preempt_grace_seconds
    return answer


def lease_json(row: LeaseRow, shared: dict[str, Any], rights: Mapping[str, Any]) -> dict[str, Any]:
    """protocol.leases.Lease as a dict for orjson, without building the model: the hot path."""
    may_run = "refused" not in rights
    lease = {
        "job": f"job_{row.job_id}",
        "epoch": row.epoch,
        "batch": f"batch_{row.batch_id}",
        "name": row.name or f"job_{row.job_id}",
        "parameters": orjson.Fragment(row.parameters if may_run else "{}"),
        **shared,
        **rights,
    }
    if row.inputs and may_run:
        lease["inputs"] = orjson.Fragment(row.inputs)
    if row.gpu_kind is not None:
        lease["gpu_kind"] = row.gpu_kind
    if row.gang:
        lease["gang"] = orjson.Fragment(row.gang)
    return lease
