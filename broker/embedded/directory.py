"""The data directory: where things lie, who holds it, the password, the folder of the sockets.

lock        held with flock by the one owner; holds its pid
password    of the database roles, mode 0600
postgres/   the database cluster          } belong to the servers' account
valkey/     append-only files             }
run/        unix sockets                  }
sockets     names the folder used instead of run/ where run/ has too long a path
log/        what the servers print, bounded
runtime/    copies of the binaries, only where the originals cannot be read
"""

import os
import re
import secrets
import shutil
import stat
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from broker.embedded.errors import EmbeddedError
from broker.embedded.privileges import ServerUser, can_enter
from broker.errors import reason_of

# sun_path has 108 bytes on Linux and 104 on macOS and the BSDs, the closing NUL included.
SOCKET_PATH_BYTES_MAX = 107 if sys.platform == "linux" else 103
POSTGRES_PORT = 5432  # only names the socket file; nothing listens on TCP
LONGEST_SOCKET_NAME = f".s.PGSQL.{POSTGRES_PORT}"
SHORT_SOCKET_PREFIX = "fairlead-"


def default_data_directory() -> Path:
    """`/var/lib/fairlead` for root, else `fairlead` in the user's XDG data folder."""
    if os.geteuid() == 0:
        return Path("/var/lib/fairlead")
    data_home = os.environ.get("XDG_DATA_HOME", "")
    # The XDG specification: a relative path is to be ignored.
    home = Path(data_home) if os.path.isabs(data_home) else Path.home() / ".local" / "share"
    return home / "fairlead"


@dataclass(frozen=True)
class DataDirectory:
    """Paths under one absolute, symlink-free root."""

    root: Path

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def password(self) -> Path:
        return self.root / "password"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def valkey(self) -> Path:
        return self.root / "valkey"

    @property
    def sockets(self) -> Path:
        return self.root / "run"

    @property
    def sockets_record(self) -> Path:
        return self.root / "sockets"

    @property
    def logs(self) -> Path:
        return self.root / "log"

    @property
    def runtime(self) -> Path:
        return self.root / "runtime"

    def create(self, user: ServerUser | None) -> None:
        """Make the root folder and what the broker itself owns; the servers' account may enter."""
        if user is not None:  # before anything is made where it would be of no use
            _check_entry(user, next(filter(Path.exists, self.root.parents)), self.root)
        try:
            _make_folders(self.root, public=user is not None)
            for folder in (self.logs, self.runtime):
                folder.mkdir(exist_ok=True)
            self.runtime.chmod(0o755)
            self.logs.chmod(0o700)
        except OSError as error:
            raise EmbeddedError(
                f"cannot prepare the data directory {self.root}: {self._obstacle(error)}"
            ) from error
        if user is not None:
            _check_entry(user, self.root, self.root)

    def _obstacle(self, error: OSError) -> str:
        if self.root.exists() and not self.root.is_dir():
            return "it is not a directory"
        if self.root.exists() and self.root.stat().st_uid != os.geteuid():
            return "it belongs to another account"
        return reason_of(error)

    def make_private(self, folder: Path, user: ServerUser | None) -> None:
        """A folder that only the servers' account may read."""
        folder.mkdir(exist_ok=True)
        if user is not None:
            os.chown(folder, user.uid, user.gid)
        folder.chmod(0o700)

    def read_or_create_password(self) -> str:
        """The password of the database roles, made on the first start.

        Raises EmbeddedError where a database exists but its password is gone.
        """
        if self.password.exists():
            return self.password.read_text("ascii").strip()
        if self.postgres.exists():
            raise EmbeddedError(
                f"{self.password} is missing: without it nobody can open the database in "
                f"{self.postgres}; put the file back from a backup"
            )
        password = secrets.token_urlsafe(32)
        write_durably(self.password, password + "\n", 0o600)
        return password

    def open_sockets(self, user: ServerUser | None) -> Path:
        """An empty private folder for the sockets, in `/tmp` where `run/` would not do."""
        self.close_sockets(user)
        self.make_private(self.sockets, user)
        for leftover in self.sockets.iterdir():
            leftover.unlink()  # also PostgreSQL's lock file, whose pid may belong to another now
        if _fits_socket_path(self.sockets):
            return self.sockets
        # Not tempfile.gettempdir(): on macOS that path alone takes half of the limit.
        short = Path(tempfile.mkdtemp(prefix=SHORT_SOCKET_PREFIX, dir="/tmp"))
        write_durably(self.sockets_record, f"{short}\n", 0o600)
        self.make_private(short, user)
        return short

    def close_sockets(self, user: ServerUser | None) -> None:
        """Remove the folder in `/tmp`, if one is recorded and it is still ours."""
        if not self.sockets_record.exists():
            return
        short = Path(self.sockets_record.read_text("utf-8").strip())
        owner = os.geteuid() if user is None else user.uid
        try:
            found = short.lstat()
        except OSError:
            found = None
        # Anybody may create names in /tmp: remove only a real folder of our account.
        if (
            found is not None
            and stat.S_ISDIR(found.st_mode)
            and found.st_uid == owner
            and short.name.startswith(SHORT_SOCKET_PREFIX)
        ):
            shutil.rmtree(short, ignore_errors=True)
        self.sockets_record.unlink()


def _check_entry(user: ServerUser, wanted: Path, root: Path) -> None:
    """Raise EmbeddedError, naming the folder that bars the way, where `user` cannot reach it."""
    if can_enter(user, wanted):
        return
    barred = next((f for f in reversed(wanted.parents) if not can_enter(user, f)), wanted)
    raise EmbeddedError(
        f"the account {user.name}, which runs the servers, cannot enter {barred}: choose another "
        f"data directory than {root}, or allow it with `chmod o+x {barred}`"
    )


def _make_folders(folder: Path, *, public: bool) -> None:
    if not folder.parent.exists():
        _make_folders(folder.parent, public=public)
    folder.mkdir(exist_ok=True)
    # Set explicitly, because mkdir's mode is cut by the umask (077 would lock the account out).
    # A folder that already holds something keeps the mode that its owner chose.
    if folder.stat().st_uid == os.geteuid() and not any(folder.iterdir()):
        folder.chmod(0o755 if public else 0o700)


def _fits_socket_path(folder: Path) -> bool:
    # A comma would split the path in two, in PostgreSQL's setting as in the clients' URLs.
    plain = re.fullmatch(r"[A-Za-z0-9/._+@-]+", str(folder)) is not None
    return plain and len(os.fsencode(folder / LONGEST_SOCKET_NAME)) <= SOCKET_PATH_BYTES_MAX


def write_durably(path: Path, text: str, mode: int) -> None:
    """Write a small file so that a crash leaves the whole text or no file."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
