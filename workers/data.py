"""Data of a job that lies on the host, below data roots: refused, or laid at the job's feet.

Confining a job to its places is an executor's business. One that cannot gives the job the rights of
the agent's own user, which are every lab's: so it is refused unless the operator says that the host
is a single lab's.
"""

from pathlib import Path

from broker.errors import reason_of
from broker.protocol.leases import Lease
from broker.protocol.nodes import Mode
from workers.executors.base import CannotRun, Executor, Refused

OUTPUT_VARIABLE = "FAIRLEAD_OUTPUT_DIR"


def require_confined(lease: Lease, name: str, executor: Executor, *, allowed: bool) -> None:
    """Goes on only when a job's data may be used on this host.

    Args:
        name: of the executor.
        allowed: the operator lets jobs use data roots unconfined.

    Raises:
        Refused: this host says no.
    """
    if lease.data and not (executor.confines_data or allowed):
        raise Refused(
            f"the executor {name!r} cannot confine a job to its data roots; a host of a single lab "
            "may be started with --data-roots allow"
        )


def lay_out(lease: Lease, work: Path) -> dict[str, str]:
    """Links a job's inputs into its working directory; variables that name the other places.

    Raises:
        Refused: a place does not exist, or a link on the way leads out of its root.
        CannotRun: a root does not exist here.
        OSError: the disk refuses.
    """
    variables: dict[str, str] = {}
    for use in lease.data:
        root = Path(use.root_path)
        place = _within(root, use.path)
        if use.input is not None:
            link = work / use.input
            link.unlink(missing_ok=True)  # a job's own input wins over a file of the version
            link.symlink_to(place)
        elif use.mode is Mode.WRITE:
            if not place.is_dir():
                raise Refused(f"data: {use.path!r} is no directory of {root}")
            variables[OUTPUT_VARIABLE] = str(place)
    return variables


def _within(root: Path, path: str) -> Path:
    """Where a path leads, which must lie below its root."""
    try:
        top = root.resolve(strict=True)
    except OSError as error:
        raise CannotRun(f"data root {root}: {reason_of(error)}") from None
    try:
        found = (root / path).resolve(strict=True)
    except OSError as error:
        raise Refused(f"data: {root / path}: {reason_of(error)}") from None
    if not found.is_relative_to(top):
        raise Refused(f"data: {root / path} leads out of its root")
    return found
