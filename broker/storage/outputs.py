"""Output files, as recorded when they were uploaded."""

from collections import defaultdict
from collections.abc import Sequence

from broker.protocol.ids import JobId
from broker.protocol.jobs import Output
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("outputs")


async def record(
    connection: Connection, job: JobId, epoch: int, name: str, size: int, digest: str
) -> None:
    """Remembers an uploaded output; a repeated upload replaces the earlier one."""
    await connection.execute(SQL.record, job, epoch, name, size, bytes.fromhex(digest))


async def stored(
    connection: Connection, attempts: Sequence[tuple[JobId, int]]
) -> dict[tuple[JobId, int], set[tuple[str, str]]]:
    """(name, digest) of everything uploaded, by (job, epoch)."""
    found: dict[tuple[JobId, int], set[tuple[str, str]]] = defaultdict(set)
    rows = await connection.fetch(SQL.stored, [j for j, _ in attempts], [e for _, e in attempts])
    for job, epoch, name, sha256 in rows:
        found[job, epoch].add((name, sha256.hex()))
    return found


async def accepted(connection: Connection, job: JobId) -> list[Output]:
    """The outputs of a job that succeeded; none for other jobs."""
    return [
        Output(name=name, size_bytes=size, sha256=sha256.hex())
        for name, size, sha256 in await connection.fetch(SQL.accepted, job)
    ]
