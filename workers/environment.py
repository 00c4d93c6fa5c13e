"""The environment of a job: an allow-list of the host's variables, the version's own, and ours.

Nothing else of the agent's environment is handed on, so no secret in it can leak. Pure function.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from broker.protocol.ids import show
from broker.protocol.leases import Gang, Lease

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
PORT_FIRST, PORTS = 20_000, 10_000  # below what systems give out for outgoing connections


def job_environment(
    host: Mapping[str, str],
    version: Mapping[str, str],
    lease: Lease,
    *,
    gpus: Sequence[str],
    attempt_directory: Path,
    work_directory: Path,
    checkpoint_directory: Path,
    places: Mapping[str, str],
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
        places: below data roots, by variable.
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
        **places,
        **(gang_environment(lease.gang, lease) if lease.gang else {}),
        ATTEMPT_VARIABLE: str(attempt_directory),
        "CUDA_VISIBLE_DEVICES": ",".join(gpus),
    }


def gang_environment(gang: Gang, lease: Lease) -> dict[str, str]:
    """Where a job on several hosts finds itself and its peers.

    MASTER_ADDR and MASTER_PORT are what `torch.distributed` and others meet by. Nobody reserves the
    port: it differs between attempts, so that two gangs on a host seldom choose the same.
    """
    return {
        "FAIRLEAD_RANK": str(gang.rank),
        "FAIRLEAD_SIZE": str(gang.size),
        "FAIRLEAD_PEERS": ",".join(gang.peers),
        "MASTER_ADDR": gang.peers[0],
        "MASTER_PORT": str(PORT_FIRST + (31 * int(lease.job) + lease.epoch) % PORTS),
    }
