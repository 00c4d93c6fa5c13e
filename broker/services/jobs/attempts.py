"""What a running attempt sends and fetches: bound to its live lease, refused without one."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import orjson

from broker.errors import Fenced, InvalidInput, NotFound
from broker.protocol.apps import VersionSpec
from broker.protocol.ids import HostId, JobId, show
from broker.protocol.leases import CheckpointResponse, OutputFile
from broker.protocol.resources import JobLimits
from broker.services.context import Services
from broker.services.infrastructure.files import LogName
from broker.storage import leases, outputs
from broker.storage.leases import Held


async def held(services: Services, host: HostId, job: JobId, epoch: int) -> Held:
    """The live lease.

    Raises:
        Fenced: the host does not hold it, or no longer.
    """
    async with services.heartbeats.connection() as connection:
        lease = await leases.holds(connection, job, epoch, host)
    if lease is None:
        raise Fenced("the lease is not, or no longer, this host's", ids=(show("job", job),))
    return lease


async def ended(services: Services, host: HostId, jobs: Sequence[JobId]) -> CheckpointResponse:
    """Those of some jobs that had an attempt on the host and will have no other."""
    async with services.database.connection() as connection:
        return CheckpointResponse(ended=await leases.ended(connection, host, jobs))


async def append_log(
    services: Services,
    host: HostId,
    job: JobId,
    epoch: int,
    stream: str,
    offset: int,
    chunk: bytes,
) -> int:
    """Writes a log chunk; returns where the next one must begin.

    Raises:
        Fenced: as `held`.
    """
    lease = await held(services, host, job, epoch)
    bytes_max = JobLimits.model_validate_json(lease.limits).log_bytes
    return await asyncio.to_thread(
        services.files.append_log,
        LogName(job, epoch, stream, lease.rank),
        offset,
        chunk,
        bytes_max=bytes_max,
    )


async def put_output(
    services: Services,
    host: HostId,
    job: JobId,
    epoch: int,
    name: str,
    body: AsyncIterator[bytes],
) -> OutputFile:
    """Stores an output that the app version declares.

    Raises:
        Fenced: as `held`, before and after the upload.
        InvalidInput: the version has no such output, or the host has another rank than 0.
        BodyTooLarge: more bytes than the version or the batch allows.
    """
    lease = await held(services, host, job, epoch)
    if lease.rank > 0:
        raise InvalidInput.of("{name}", "the outputs of a gang come from rank 0")
    texts = await services.catalogue.spec_texts([lease.version_id])
    declared = VersionSpec.model_validate_json(texts[lease.version_id]).outputs.get(name)
    if declared is None:
        raise InvalidInput.of("{name}", f"the app version declares no output {name[:80]!r}")
    limit = JobLimits.model_validate_json(lease.limits).output_bytes
    content = await services.files.store(body, bytes_max=min(limit, declared.maximum_bytes))
    await held(services, host, job, epoch)
    async with services.database.connection() as connection:
        size, digest = content.size_bytes, content.sha256
        await outputs.record(connection, job, epoch, name, size, digest)
    return OutputFile(name=name, size_bytes=size, sha256=digest)


async def input_path(services: Services, host: HostId, job: JobId, epoch: int, name: str) -> Path:
    """Where an input that was given by digest is kept.

    Raises:
        Fenced: as `held`.
        NotFound: the job has no such input, or it was given as text.
    """
    lease = await held(services, host, job, epoch)
    digest = orjson.loads(lease.inputs or "{}").get(name, {}).get("sha256")
    if digest is None:
        raise NotFound(f"the job has no input {name[:80]!r} by digest", ids=(show("job", job),))
    return services.files.content_path(digest)
