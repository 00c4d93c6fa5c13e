"""Files around jobs: outputs to download, contents to upload for inputs."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from broker.errors import NotFound
from broker.protocol.ids import JobId, show
from broker.protocol.jobs import Output
from broker.protocol.limits import OUTPUT_BYTES_MAX
from broker.services.context import Services
from broker.services.infrastructure.files import Content
from broker.services.jobs.jobs import authorise
from broker.services.requests.actor import Actor
from broker.storage import blobs, outputs


@dataclass(frozen=True, slots=True)
class Stored:
    """An output and where its content is."""

    output: Output
    path: Path


async def of_job(services: Services, actor: Actor, job: JobId) -> list[Output]:
    """The outputs of a job; none before it succeeded.

    Raises:
        NotFound: the job does not exist, or is not to be seen.
    """
    async with services.database.connection() as connection:
        await authorise(connection, actor, job)
        return await outputs.accepted(connection, job)


async def find(services: Services, actor: Actor, job: JobId, name: str) -> Stored:
    """One output. The name is only compared with those recorded: it never becomes a path.

    Raises:
        NotFound: no such job or output.
    """
    for output in await of_job(services, actor, job):
        if output.name == name:
            return Stored(output, services.files.content_path(output.sha256))
    reference = show("job", job)
    raise NotFound(f"{reference} has no output {name[:80]!r}", ids=(reference,))


async def upload(
    services: Services, actor: Actor, sha256: str, chunks: AsyncIterator[bytes]
) -> Content:
    """Keeps a content for the inputs of the caller's jobs.

    Raises:
        InvalidInput: the content has another digest.
        BodyTooLarge: more than OUTPUT_BYTES_MAX.
    """
    actor.require()
    account = actor.account_id
    content = await services.files.store(chunks, bytes_max=OUTPUT_BYTES_MAX, expected=sha256)
    async with services.database.connection() as connection:
        await blobs.record(connection, account, content.sha256, content.size_bytes)
    return content
