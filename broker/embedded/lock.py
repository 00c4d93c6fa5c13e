"""One owner per data directory: an flock that the kernel drops when its holder dies."""

import fcntl
import os
from pathlib import Path

from broker.embedded.errors import EmbeddedError


class DirectoryLock:
    """Held from construction to `release`.

    Raises EmbeddedError, naming the directory and the holder's pid, where another holds it.
    """

    def __init__(self, path: Path) -> None:
        # O_NOFOLLOW: root must not be led to write its pid into somebody else's file.
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self._descriptor = os.open(path, flags, 0o644)
        except OSError as error:
            raise EmbeddedError(f"cannot open {path}: {error.strerror}") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise EmbeddedError(
                f"the data directory {path.parent} is in use by process {holder or 'unknown'}: "
                "stop that one first, or choose another directory"
            ) from None
        except OSError as error:
            os.close(self._descriptor)
            raise EmbeddedError(f"cannot lock {path}: {error.strerror}") from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode("ascii"), 0)

    def release(self) -> None:
        """Let the next owner in. The file stays: without it two owners could lock two files."""
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)
