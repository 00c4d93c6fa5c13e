"""The credentials file: where `fairlead login` keeps the broker's address and a token.

One JSON file for the user alone (mode 0600) below the XDG configuration directory.
"""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from broker.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Credentials:
    """One broker and the caller's token for it."""

    url: str
    token: str


def path() -> Path:
    """Where the file is: $XDG_CONFIG_HOME/fairlead/credentials.json, or below ~/.config."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    # The XDG specification tells to ignore a relative path.
    home = Path(base) if os.path.isabs(base) else Path.home() / ".config"
    return home / "fairlead" / "credentials.json"


def load() -> Credentials | None:
    """What `fairlead login` stored; null when nobody logged in.

    Raises:
        InvalidInput: the file cannot be read or is not what `save` writes.
    """
    file = path()
    try:
        fields = json.loads(file.read_bytes())
        return Credentials(url=str(fields["url"]), token=str(fields["token"]))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidInput(f"cannot read {file}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidInput(f"{file} is damaged; run `fairlead login` again") from error


def save(credentials: Credentials) -> Path:
    """Write the file in one step, readable by its owner only, and say where."""
    file = path()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    # Created with its mode: the token is never there for others, not even for a moment.
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            json.dump(asdict(credentials), out, indent=2)
            out.write("\n")
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return file
