"""The environment of a job: an allow-list of the host's variables, the version's own, and ours.

Nothing else of the agent's environment is handed on, so no secret in it can leak. Pure function.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from broker.protocol.ids import show
from broker.protocol.leases import Lease

INHERITED = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "LD_LIBRARY_PATH",
    "CUDA_HOME",
    "CUDA_PATH",
)
ATTEMPT_VARIABLE = "FAIRLEAD_ATTEMPT_DIR"


def job_environment(
    host: Mapping[str, str],
    version: Mapping[str, str],
    lease: Lease,
    *,
    gpus: Sequence[str],
    attempt_directory: Path,
    work_directory: Path,
    checkpoint_directory: Path,
) -> dict[str, str]:
    """All variables of a job; a version may override the first block, never the last.

    Args:
        host: the agent's environment.
        version: what the app version adds.
        lease: the job.
        gpus: UUIDs of the devices given to it; none of the host's are visible when empty.
        attempt_directory: marks every process of the attempt, also those that left its tree.
        work_directory: current directory and HOME.
        checkpoint_directory: kept for the job's next attempt on this host.
    """
    threads = str(lease.resources.cpus)
    inherited = {name: host[name] for name in INHERITED if name in host}
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        **inherited,
        "HOME": str(work_directory),
        "TMPDIR": str(attempt_directory / "tmp"),
        "OMP_NUM_THREADS": threads,
        **version,
        "FAIRLEAD_JOB_ID": show("job", lease.job),
        "FAIRLEAD_EPOCH": str(lease.epoch),
        "FAIRLEAD_CHECKPOINT_DIR": str(checkpoint_directory),
        "FAIRLEAD_THREADS": threads,
        ATTEMPT_VARIABLE: str(attempt_directory),
        "CUDA_VISIBLE_DEVICES": ",".join(gpus),
    }
