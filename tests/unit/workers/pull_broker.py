"""A small broker for agent tests: the pull protocol over real HTTP, its state in plain dicts.

It leases whatever is queued while a poll says that slots are free, sends again what the host does
not say it holds, fences what it no longer leases, and can be `away`.
"""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Callable

from aiohttp import web
from aiohttp.test_utils import TestServer

from broker import errors
from broker.protocol.apps import VersionSpec
from broker.protocol.batches import InputContent
from broker.protocol.data import LeasedData
from broker.protocol.leases import (
    Enrolled,
    EnrollRequest,
    Lease,
    LeaseKey,
    OutputFile,
    PollRequest,
    PollResponse,
    RenewAnswer,
    RenewRequest,
    RenewResponse,
    Report,
    ReportAnswer,
    ReportRequest,
    ReportResponse,
)
from broker.protocol.problems import to_problem
from broker.protocol.resources import JobLimits, Resources
from broker.protocol.states import AnswerStatus

ENROLLMENT = "fle_once"
CREDENTIAL = "flh_secret-of-the-host"


class PullBroker:
    """See the module's text. `until` waits for a condition; nothing here sleeps."""

    def __init__(self) -> None:
        self.lease_seconds = 30.0
        self.away = False
        self.drain = False
        self.credential = CREDENTIAL
        self.retired: set[str] = set()
        self.shown: list[str] = []
        self.enrollments = {ENROLLMENT}
        self.enrolled: list[EnrollRequest] = []
        self.queue: list[tuple[Lease, VersionSpec]] = []
        self.leased: dict[tuple[int, int], tuple[Lease, VersionSpec]] = {}
        self.fenced: set[tuple[int, int]] = set()
        self.cancelling: set[tuple[int, int]] = set()
        self.running: set[tuple[int, int]] = set()
        self.reports: dict[tuple[int, int], Report] = {}
        self.report_calls: list[int] = []
        self.renewals: list[RenewRequest] = []
        self.polls: list[PollRequest] = []
        self.logs: dict[tuple[int, int, str], bytes] = defaultdict(bytes)
        self.outputs: dict[tuple[int, int, str], bytes] = {}
        self.inputs: dict[str, bytes] = {}
        self._jobs = 0
        self._notifying: set[asyncio.Future[None]] = set()
        self._changed = asyncio.Condition()
        self._server = TestServer(self._app())

    async def __aenter__(self) -> "PullBroker":
        await self._server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    @property
    def url(self) -> str:
        return str(self._server.make_url("/")).rstrip("/")

    # What tests do

    def submit(
        self,
        *command: str,
        spec: VersionSpec | None = None,
        parameters: dict[str, object] | None = None,
        inputs: dict[str, InputContent] | None = None,
        resources: Resources | None = None,
        limits: JobLimits | None = None,
        data: list[LeasedData] | None = None,
        refused: str = "",
        job: int | None = None,
        epoch: int = 1,
    ) -> tuple[int, int]:
        """Queue one job; gives its (job, epoch)."""
        self._jobs += 1
        number = job if job is not None else self._jobs
        lease = Lease(
            job=number,
            epoch=epoch,
            batch=1,
            account=1,
            version=number,
            name=str(number),
            parameters=parameters or {},
            inputs=inputs or {},
            data=data or [],
            refused=refused,
            resources=resources or Resources(),
            limits=limits or JobLimits(),
        )
        self.queue.append((lease, spec or VersionSpec(command=list(command))))
        self.notify()
        return (number, epoch)

    def cancel(self, key: tuple[int, int]) -> None:
        """What an owner's cancellation does."""
        self.cancelling.add(key)
        self.notify()

    def fence(self, key: tuple[int, int]) -> None:
        """The lease is somebody else's from now on; polls keep silent about it."""
        self.leased.pop(key)
        self.fenced.add(key)
        self.notify()

    async def until(self, condition: Callable[[], object], seconds: float = 15.0) -> None:
        """Wait until a condition over this broker holds."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(condition)

    # HTTP

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[self._door], client_max_size=64 * 2**20)
        lease = r"/v1/leases/job_{job:\d+}/{epoch:\d+}"
        app.add_routes(
            [
                web.post("/v1/hosts:enroll", self._enroll),
                web.post("/v1/hosts/host_1:poll", self._poll),
                web.post("/v1/hosts/host_1:rotate-token", self._rotate),
                web.post("/v1/leases:renew", self._renew),
                web.post("/v1/leases:report", self._report),
                web.post(lease + "/logs", self._log),
                web.get(lease + "/inputs/{name}", self._input),
                web.put(lease + "/outputs/{name}", self._output),
            ]
        )
        return app

    @web.middleware
    async def _door(self, request: web.Request, handler: Callable) -> web.StreamResponse:
        try:
            if self.away:
                raise errors.Unavailable("away", retry_after_seconds=0)
            shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
            self.shown.append(shown)
            known = shown in {self.credential, *self.retired}
            if not known and not request.path.endswith(":enroll"):
                raise errors.Unauthenticated("unknown credential")
            response = await handler(request)
            if self.away:
                request.transport.abort()
        except errors.FairleadError as error:
            problem = to_problem(error)
            response = web.Response(
                status=problem.status,
                body=problem.model_dump_json(),
                content_type="application/problem+json",
            )
        finally:
            self.notify()
        return response

    async def _enroll(self, request: web.Request) -> web.Response:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        if token not in self.enrollments:
            raise errors.Unauthenticated("enrolment token used")
        self.enrollments.remove(token)
        self.enrolled.append(EnrollRequest.model_validate_json(await request.read()))
        return _json(Enrolled(host=1, token=self.credential), status=201)

    async def _rotate(self, request: web.Request) -> web.Response:
        self.retired.add(self.credential)
        self.credential = f"flh_number-{len(self.retired) + 1}"
        self.notify()
        return _json(Enrolled(host=1, token=self.credential), status=201)

    async def _poll(self, request: web.Request) -> web.Response:
        asked = PollRequest.model_validate_json(await request.read())
        self.polls.append(asked)
        self.notify()
        holding = {(key.job, key.epoch) for key in asked.holding}
        left = {"slots": asked.free_slots, "gpus": asked.free_gpus}
        try:
            async with asyncio.timeout(asked.wait_seconds), self._changed:
                await self._changed.wait_for(lambda: self._news(holding, left))
        except TimeoutError:
            pass
        self._grant(left)
        missing = [pair for key, pair in self.leased.items() if key not in holding]
        stop = [key for key in holding if self._gone(key) or key in self.cancelling]
        answer = PollResponse(
            leases=[lease for lease, _ in missing],
            versions={f"version_{lease.version}": spec for lease, spec in missing},
            cancel=[LeaseKey(job=job, epoch=epoch) for job, epoch in stop],
            lease_seconds=self.lease_seconds,
            drain=self.drain,
        )
        return _json(answer)

    def _news(self, holding: set[tuple[int, int]], left: dict[str, int]) -> bool:
        return (
            self.away
            or self.drain
            or any(key not in holding for key in self.leased)
            or bool(holding & self.cancelling)
            or any(map(self._gone, holding))
            or any(self._room(lease, left) for lease, _ in self.queue)
        )

    def _gone(self, key: tuple[int, int]) -> bool:
        return key not in self.leased and key not in self.fenced

    @staticmethod
    def _room(lease: Lease, left: dict[str, int]) -> bool:
        kind = "gpus" if lease.resources.gpus else "slots"
        return left[kind] >= lease.resources.slots

    def _grant(self, left: dict[str, int]) -> None:
        if self.away:
            return
        for lease, spec in list(self.queue):
            if self._room(lease, left):
                left["gpus" if lease.resources.gpus else "slots"] -= lease.resources.slots
                self.queue.remove((lease, spec))
                self.leased[(lease.job, lease.epoch)] = (lease, spec)

    async def _renew(self, request: web.Request) -> web.Response:
        asked = RenewRequest.model_validate_json(await request.read())
        self.renewals.append(asked)
        answers = []
        for item in asked.leases:
            key = (item.job, item.epoch)
            if item.running and key in self.leased:
                self.running.add(key)
            status = AnswerStatus.OK if key in self.leased else AnswerStatus.FENCED
            answers.append(
                RenewAnswer(
                    job=item.job, epoch=item.epoch, status=status, cancel=key in self.cancelling
                )
            )
        return _json(RenewResponse(answers=answers))

    async def _report(self, request: web.Request) -> web.Response:
        asked = ReportRequest.model_validate_json(await request.read())
        self.report_calls.append(len(asked.reports))
        answers = []
        for report in asked.reports:
            key = (report.job, report.epoch)
            if key in self.reports:
                status = AnswerStatus.STORED
            elif key in self.leased:
                self.reports[key] = report
                del self.leased[key]
                status = AnswerStatus.OK
            else:
                status = AnswerStatus.FENCED
            answers.append(ReportAnswer(job=report.job, epoch=report.epoch, status=status))
        return _json(ReportResponse(answers=answers))

    async def _log(self, request: web.Request) -> web.Response:
        key = self._lease_of(request)
        stream = (*key, request.query["stream"])
        piece, offset = await request.read(), int(request.query["offset"])
        have = self.logs[stream]
        if offset <= len(have):
            self.logs[stream] = have + piece[len(have) - offset :]
        return web.json_response({"offset": len(self.logs[stream])})

    async def _input(self, request: web.Request) -> web.Response:
        lease, _ = self.leased[self._lease_of(request)]
        content = self.inputs[lease.inputs[request.match_info["name"]].sha256 or ""]
        return web.Response(body=content)

    async def _output(self, request: web.Request) -> web.Response:
        key, name = self._lease_of(request), request.match_info["name"]
        content = await request.read()
        self.outputs[(*key, name)] = content
        digest = hashlib.sha256(content).hexdigest()
        return _json(OutputFile(name=name, size_bytes=len(content), sha256=digest))

    def _lease_of(self, request: web.Request) -> tuple[int, int]:
        key = int(request.match_info["job"]), int(request.match_info["epoch"])
        if key not in self.leased:
            raise errors.Fenced("lease is gone")
        return key

    def notify(self) -> None:
        task = asyncio.ensure_future(self._notify_all())
        self._notifying.add(task)
        task.add_done_callback(self._notifying.discard)

    async def _notify_all(self) -> None:
        async with self._changed:
            self._changed.notify_all()


def _json(message: object, status: int = 200) -> web.Response:
    return web.Response(
        status=status,
        body=message.model_dump_json(),  # type: ignore[attr-defined]
        content_type="application/json",
    )
