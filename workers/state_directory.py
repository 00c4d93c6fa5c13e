"""The agent's files: who the host is, what is being run, and checkpoints.

    host.json               host id and credential, mode 0600
    lock                    held while an agent (or the guardian of a dead one) uses the directory
    spool/                  reports that have not been answered, see workers.spool
    attempts/job_17-2/      one attempt: attempt.json, stdout, stderr, tmp/, work/
    checkpoints/job_17/     kept for the job's next attempt on this host

Knows paths and formats; decides nothing.
"""

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
from pydantic import ValidationError

from broker.errors import StartupError
from broker.protocol.base import View
from broker.protocol.ids import HostRef, JobId, show
from broker.protocol.leases import LeaseKey
from workers.leases import Key

CHECKPOINT_SECONDS_MAX = 7 * 86_400
_LOCK_SECONDS = 15.0  # a guardian that is still killing leftovers lets go within this


class Identity(View):
    """What a host keeps of its enrolment."""

    url: str
    """Broker that it joined."""
    host: HostRef
    token: str
    """Bearer token of the host."""


@dataclass(frozen=True, slots=True)
class AttemptDirectory:
    """The files of one attempt."""

    path: Path

    @property
    def work(self) -> Path:
        return self.path / "work"

    @property
    def tmp(self) -> Path:
        return self.path / "tmp"

    @property
    def record(self) -> Path:
        return self.path / "attempt.json"

    def log(self, stream: str) -> Path:
        return self.path / stream


class StateDirectory:
    """See the module's text."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.attempts = self.path / "attempts"
        self.checkpoints = self.path / "checkpoints"
        self.spool = self.path / "spool"

    def create(self) -> None:
        """Make the directories, readable by nobody else.

        Raises:
            StartupError: the place cannot be written.
        """
        try:
            for path in (self.path, self.attempts, self.checkpoints, self.spool):
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StartupError(
                f"cannot use state directory {self.path}: {error.strerror}"
            ) from error

    @contextlib.contextmanager
    def lock(self, seconds: float = _LOCK_SECONDS) -> Iterator[int]:
        """Keep other agents out; gives the descriptor that carries the lock.

        Raises:
            StartupError: another agent keeps the directory locked.
        """
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            give_up = time.monotonic() + seconds
            while not _locked(descriptor):
                if time.monotonic() >= give_up:
                    raise StartupError(f"another agent uses the state directory {self.path}")
                time.sleep(0.05)
            yield descriptor
        finally:
            os.close(descriptor)

    # Identity

    def load_identity(self) -> Identity | None:
        """The host's identity; None before the first enrolment.

        Raises:
            StartupError: the file is there but damaged.
        """
        path = self.path / "host.json"
        try:
            return Identity.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise StartupError(f"{path} cannot be read; remove it and enrol again") from error

    def save_identity(self, identity: Identity) -> None:
        """Keep the identity: never half-written, never readable by others."""
        write_durably(self.path / "host.json", identity.model_dump_json().encode())

    def identity_written_at(self) -> float | None:
        """When the identity was last written, in seconds of the calendar; None before that."""
        try:
            return (self.path / "host.json").stat().st_mtime
        except FileNotFoundError:
            return None

    # Attempts

    def attempt(self, key: Key) -> AttemptDirectory:
        return AttemptDirectory(self.attempts / f"{show('job', key.job)}-{key.epoch}")

    def checkpoint(self, job: JobId) -> Path:
        return self.checkpoints / show("job", job)

    def write_record(self, key: Key, *, pid: int, started: str, started_at: str) -> None:
        """Note a running command, so that the next agent can end it and say so."""
        record = {
            "job": key.job,
            "epoch": key.epoch,
            "pid": pid,
            "started": started,
            "started_at": started_at,
        }
        self.attempt(key).record.write_bytes(orjson.dumps(record))

    def remove_attempt(self, key: Key) -> None:
        shutil.rmtree(self.attempt(key).path, ignore_errors=True)

    def remove_attempts_except(self, kept: Iterable[LeaseKey]) -> None:
        """Remove the files of all attempts but these."""
        keep = {self.attempt(Key(item.job, item.epoch)).path for item in kept}
        for path in self.attempts.iterdir():
            if path not in keep:
                shutil.rmtree(path, ignore_errors=True)

    def checkpoint_jobs(self) -> list[JobId]:
        """The jobs of which a checkpoint is kept."""
        names = [path.name for path in self.checkpoints.iterdir()]
        numbers = [name.removeprefix("job_") for name in names if name.startswith("job_")]
        return sorted(JobId(int(number)) for number in numbers if number.isdecimal())

    def remove_checkpoint(self, job: JobId) -> None:
        shutil.rmtree(self.checkpoint(job), ignore_errors=True)

    def remove_old_checkpoints(self, now: float) -> None:
        """Drop checkpoints of jobs that have not run here for a week.

        Args:
            now: wall-clock time in seconds since the epoch.
        """
        for path in self.checkpoints.iterdir():
            with contextlib.suppress(OSError):
                if now - path.stat().st_mtime > CHECKPOINT_SECONDS_MAX:
                    shutil.rmtree(path, ignore_errors=True)


def write_durably(path: Path, content: bytes) -> None:
    """Write a file that is whole or absent whatever happens meanwhile, mode 0600."""
    part = path.with_name(path.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make renames and removals in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
