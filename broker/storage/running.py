"""What runs where: the live leases of a pool, as columns for the leader."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("running")
CPU = -1  # as `gpu_kind`: a CPU slot


class RunningRows(NamedTuple):
    """Live leases, r rows in order of job and host; a job on several hosts has a row for each.

    job_id int64[r], epoch int32[r], lane_id int32[r], host_id int32[r]. gpu_kind int32[r]: which of
    its host's kinds of GPU it holds, `CPU` for a CPU slot. age_seconds float64[r]: since it was
    leased. leaving bool[r]: its host was asked to stop it.
    """

    job_id: npt.NDArray[np.int64]
    epoch: npt.NDArray[np.int32]
    lane_id: npt.NDArray[np.int32]
    host_id: npt.NDArray[np.int32]
    gpu_kind: npt.NDArray[np.int32]
    age_seconds: npt.NDArray[np.float64]
    leaving: npt.NDArray[np.bool_]


async def in_pools(connection: Connection, pools: Collection[str]) -> RunningRows:
    """Every live lease of some pools."""
    return columns(await connection.fetchrow(SQL.in_pools, list(pools)) or ())


def columns(packed: Iterable[bytes | None] = ()) -> RunningRows:
    """Columns as PostgreSQL sends them, numbers in network byte order; None without any row."""
    job, epoch, lane, host, kind, age, leaving = packed or (None,) * 7
    return RunningRows(
        np.frombuffer(job or b"", ">i8").astype(np.int64),
        np.frombuffer(epoch or b"", ">i4").astype(np.int32),
        np.frombuffer(lane or b"", ">i4").astype(np.int32),
        np.frombuffer(host or b"", ">i4").astype(np.int32),
        np.frombuffer(kind or b"", ">i4").astype(np.int32),
        np.frombuffer(age or b"", ">f8").astype(np.float64),
        np.frombuffer(leaving or b"", "?").astype(np.bool_),
    )
