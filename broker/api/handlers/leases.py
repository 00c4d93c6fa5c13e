"""What worker hosts ask: work, more time, to report, to send logs and outputs."""

from collections.abc import AsyncIterator
from typing import Literal

import orjson
from aiohttp import web
from pydantic import Field

from broker.api.call import Call, answer, json_bytes
from broker.api.route import Route
from broker.domain.access import Action
from broker.errors import BodyTooLarge, FieldError, InvalidInput, NotFound
from broker.protocol.base import Message, View
from broker.protocol.ids import HostId, JobId, parse
from broker.protocol.leases import (
    CheckpointRequest,
    CheckpointResponse,
    OutputFile,
    PollRequest,
    PollResponse,
    RenewRequest,
    RenewResponse,
    ReportRequest,
    ReportResponse,
)
from broker.protocol.limits import LOG_CHUNK_BYTES_MAX
from broker.services.hosts import hosts
from broker.services.hosts.leasing import Answered
from broker.services.jobs import attempts

BYTES = "application/octet-stream"
READ_BYTES = 256 * 2**10


class LogQuery(Message):
    """The query of a log chunk."""

    stream: Literal["stdout", "stderr"]
    """Which stream of the command."""
    offset: int = Field(ge=0)
    """Bytes of the stream before this chunk."""


class LogPosition(View):
    """How far a log has come."""

    offset: int
    """Where the next chunk must begin."""


async def poll(call: Call) -> web.Response:
    host = _own_host(call)
    body = await call.body(PollRequest)
    if body.facts:
        await hosts.update_facts(call.services.database, host, body.facts)
    draining = call.actor.principal.host_draining
    return json_bytes(await call.services.leasing.poll(host, body, draining=draining))


async def renew(call: Call) -> web.Response:
    host = _calling_host(call)
    body = await call.body(RenewRequest)
    answers = await call.services.leasing.renew(host, body.leases)
    return json_bytes(answers_json(answers))


async def report(call: Call) -> web.Response:
    host = _calling_host(call)
    body = await call.body(ReportRequest)
    answers = await call.services.settling.report(host, body.reports)
    return json_bytes(answers_json(answers))


async def checkpoints(call: Call) -> web.Response:
    host = _calling_host(call)
    body = await call.body(CheckpointRequest)
    return answer(await attempts.ended(call.services, host, body.jobs))


async def append_log(call: Call) -> web.Response:
    query = call.query(LogQuery)
    chunk = await call.raw()
    if len(chunk) > LOG_CHUNK_BYTES_MAX:
        detail = f"at most {LOG_CHUNK_BYTES_MAX} bytes a chunk"
        raise BodyTooLarge(detail, errors=[FieldError("", detail)])
    job, epoch = _lease(call)
    offset = await attempts.append_log(
        call.services, _calling_host(call), job, epoch, query.stream, query.offset, chunk
    )
    return answer(LogPosition(offset=offset))


async def put_output(call: Call) -> web.Response:
    job, epoch = _lease(call)
    body = chunks(call.request)
    host, name = _calling_host(call), call.path("name")
    return answer(await attempts.put_output(call.services, host, job, epoch, name, body))


async def get_input(call: Call) -> web.StreamResponse:
    job, epoch = _lease(call)
    host, name = _calling_host(call), call.path("name")
    path = await attempts.input_path(call.services, host, job, epoch, name)
    return web.FileResponse(path, headers={"Content-Type": BYTES})


async def chunks(request: web.Request) -> AsyncIterator[bytes]:
    """A raw body as it comes."""
    async for chunk in request.content.iter_chunked(READ_BYTES):
        yield chunk


def answers_json(answers: list[Answered]) -> bytes:
    """protocol.leases.RenewResponse or ReportResponse, without building the models."""
    return orjson.dumps({"answers": answers})


def _calling_host(call: Call) -> HostId:
    host = call.actor.host_id
    call.actor.require(call.actor.world.lease(host))
    call.services.leasing.heard(host)
    return host


def _own_host(call: Call) -> HostId:
    """The host in the path, which must be the caller."""
    host = HostId(call.id("host"))
    if host != call.actor.host_id:
        raise NotFound(f"{call.path('host')} is another host", ids=(call.path("host"),))
    return _calling_host(call)


def _lease(call: Call) -> tuple[JobId, int]:
    epoch = call.path("epoch")
    if not (epoch.isascii() and epoch.isdigit() and len(epoch) < 10):
        raise InvalidInput.of("{epoch}", "expected a number")
    return JobId(parse("job", call.path("job"), "{job}")), int(epoch)


ROUTES = [
    Route(
        "POST",
        "/v1/hosts/{host}:poll",
        poll,
        Action.LEASE_WORK,
        "Asks for work and says what the host has; waits until there is something to say.",
        body=PollRequest,
        answer=PollResponse,
    ),
    Route(
        "POST",
        "/v1/leases:renew",
        renew,
        Action.LEASE_WORK,
        "Keeps leases; each element is answered on its own.",
        body=RenewRequest,
        answer=RenewResponse,
    ),
    Route(
        "POST",
        "/v1/leases:report",
        report,
        Action.LEASE_WORK,
        "Reports attempts that ended; each element is answered on its own.",
        body=ReportRequest,
        answer=ReportResponse,
    ),
    Route(
        "POST",
        "/v1/leases:checkpoints",
        checkpoints,
        Action.LEASE_WORK,
        "Tells which of the jobs that a host keeps checkpoints of have ended.",
        body=CheckpointRequest,
        answer=CheckpointResponse,
    ),
    Route(
        "POST",
        "/v1/leases/{job}/{epoch}/logs",
        append_log,
        Action.LEASE_WORK,
        "Appends to a log at an offset; a repeated chunk changes nothing.",
        body=BYTES,
        answer=LogPosition,
        query=LogQuery,
    ),
    Route(
        "PUT",
        "/v1/leases/{job}/{epoch}/outputs/{name}",
        put_output,
        Action.LEASE_WORK,
        "Uploads an output of a live lease.",
        body=BYTES,
        answer=OutputFile,
    ),
    Route(
        "GET",
        "/v1/leases/{job}/{epoch}/inputs/{name}",
        get_input,
        Action.LEASE_WORK,
        "Downloads an input of a live lease that was given by digest.",
        answer=BYTES,
    ),
]
