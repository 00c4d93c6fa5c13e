"""Logs on disk: chunks may come twice, late or beyond the limit, and never leave a hole."""

from functools import partial
from pathlib import Path

import pytest

from broker.errors import StartupError
from broker.protocol.ids import JobId
from broker.services.infrastructure.files import Files, LogName

LOG = LogName(JobId(1), 1, "stdout")


def test_a_chunk_that_would_leave_a_gap_is_not_written(tmp_path: Path) -> None:
    files = Files(tmp_path / "files")
    append = partial(files.append_log, LOG, bytes_max=100)
    assert append(0, b"one ") == 4
    assert append(8, b"three") == 4  # go on here
    assert files.read_log(LOG, 0, 100) == b"one "
    assert append(4, b"two ") == 8
    assert append(4, b"two ") == 8
    assert append(8, b"three") == 13
    assert files.read_log(LOG, 0, 100) == b"one two three"


def test_a_log_ends_at_its_limit_and_the_sender_goes_on(tmp_path: Path) -> None:
    files = Files(tmp_path / "files")
    assert files.append_log(LOG, 0, b"0123456789", bytes_max=4) == 10
    assert files.read_log(LOG, 0, 100) == b"0123"


def test_a_place_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match=f"cannot use {tmp_path / 'file' / 'files'} for files"):
        Files(tmp_path / "file" / "files")
