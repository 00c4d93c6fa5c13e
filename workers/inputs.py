"""What a command finds when it starts: files of the version, inputs, `parameters.json`."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import orjson

from broker.errors import FairleadError
from broker.protocol.apps import VersionSpec
from broker.protocol.leases import Lease
from workers.broker_api import BrokerApi
from workers.executors.base import CannotRun
from workers.leases import Key
from workers.state_directory import AttemptDirectory

PARAMETERS_FILE = "parameters.json"


def lay_out(attempt: AttemptDirectory, checkpoint: Path, lease: Lease, spec: VersionSpec) -> None:
    """Make an attempt's directories and the files whose content came with the lease.

    Inputs are written last: a job's own input wins over a file of the version with its name.

    Raises:
        OSError: the disk refuses.
    """
    for path in (attempt.work, attempt.tmp, checkpoint):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    (attempt.work / PARAMETERS_FILE).write_bytes(
        orjson.dumps(lease.parameters, option=orjson.OPT_INDENT_2)
    )
    texts = {name: content.text for name, content in lease.inputs.items()}
    _write(attempt.work, spec.files)
    _write(attempt.work, {name: text for name, text in texts.items() if text is not None})


async def fetch(api: BrokerApi, key: Key, lease: Lease, directory: Path) -> None:
    """Download the inputs that are named by digest.

    Raises:
        CannotRun: one cannot be had.
        Fenced: the lease is gone.
    """
    for name, digest in digests(lease):
        try:
            await api.fetch_input(key, name, digest, _place(directory, name))
        except FairleadError as error:
            if error.code == "fenced":
                raise
            raise CannotRun(f"input {name!r}: {error.message}") from error


def digests(lease: Lease) -> Iterable[tuple[str, str]]:
    """Names and digests of the inputs that must be downloaded."""
    return [(name, c.sha256) for name, c in lease.inputs.items() if c.sha256 is not None]


def _write(directory: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = _place(directory, name)
        path.write_text(text, encoding="utf-8", newline="")
        if text.startswith("#!"):
            path.chmod(0o700)


def _place(directory: Path, name: str) -> Path:
    """Where a file goes: never outside the directory, whatever the broker sent."""
    if os.path.basename(name) != name or name in ("", ".", ".."):
        raise CannotRun(f"file name {name!r} is no plain name")
    return directory / name
