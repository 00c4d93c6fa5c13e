"""The account that runs the servers when Fairlead itself runs as root.

PostgreSQL refuses to run as root, and a server needs none of root's rights. Questions like "may
this account enter that folder" are answered by trying, as that account: mode bits alone would not
know about access lists or mount options.
"""

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from broker.embedded.errors import EmbeddedError

CHECK_SECONDS_MAX = 10
ACCOUNTS = ("postgres", "nobody")


@dataclass(frozen=True)
class ServerUser:
    """An unprivileged account of this machine."""

    name: str
    uid: int
    gid: int


def choose_server_user(cluster: Path) -> ServerUser | None:
    """None for an ordinary user, who runs the servers as himself.

    For root: the owner of an existing database cluster, because PostgreSQL opens it for nobody
    else; on a first start `postgres` where that account exists, else `nobody`.
    """
    if os.geteuid() != 0:
        return None
    if cluster.exists() and (owner := cluster.stat().st_uid) != 0:
        return _lookup_owner(cluster, owner)
    for name in ACCOUNTS:
        try:
            return _server_user(pwd.getpwnam(name))
        except KeyError:
            continue
    raise EmbeddedError(
        "root needs an unprivileged account to run PostgreSQL: create one with "
        "`useradd --system postgres`"
    )


def _lookup_owner(cluster: Path, uid: int) -> ServerUser:
    try:
        return _server_user(pwd.getpwuid(uid))
    except KeyError:
        raise EmbeddedError(
            f"{cluster} belongs to user id {uid}, which is no account of this machine: "
            "create it or change the owner"
        ) from None


def _server_user(account: pwd.struct_passwd) -> ServerUser:
    return ServerUser(account.pw_name, account.pw_uid, account.pw_gid)


def output_as(user: ServerUser | None, command: Sequence[str | Path]) -> str | None:
    """What `command` prints when run as `user` (None: as we are), or None where it fails."""
    try:
        done = subprocess.run(  # noqa: S603 - our own binaries, found by this room
            command,
            user=None if user is None else user.uid,
            group=None if user is None else user.gid,
            extra_groups=None if user is None else [],
            cwd="/",  # our own folder may be one that the account cannot enter
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CHECK_SECONDS_MAX,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def can_enter(user: ServerUser, folder: Path) -> bool:
    return output_as(user, ["test", "-x", folder]) is not None


def can_read(user: ServerUser, file: Path) -> bool:
    return output_as(user, ["test", "-r", file]) is not None
