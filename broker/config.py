"""Settings of the broker, from the environment (`FAIRLEAD_...`). Names carry their units."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from broker.errors import StartupError
from broker.protocol.complaints import detail_of

HOURS_MAX = 100 * 365 * 24  # what PostgreSQL's intervals and timestamps surely hold
SECONDS_MAX = HOURS_MAX * 3_600

Read = TypeVar("Read")


class Settings(BaseSettings):
    """Everything that an operator may set."""

    model_config = SettingsConfigDict(
        env_prefix="FAIRLEAD_",
        frozen=True,
        use_attribute_docstrings=True,
        extra="ignore",
        allow_inf_nan=False,
    )

    database_url: SecretStr
    """PostgreSQL 14 or newer, e.g. postgresql://fairlead@db/fairlead."""
    redis_url: SecretStr
    """Redis 6.2 or newer, or Valkey, e.g. redis://cache:6379/0."""
    files_directory: Path
    """Where inputs, outputs and logs are kept; shared by all brokers of a deployment."""

    host: str = "127.0.0.1"
    """Address to listen on; loopback unless a TLS proxy stands in front."""
    port: int = Field(8080, ge=0, le=65_535)
    """Port to listen on; 0 takes a free one."""

    database_connections_max: int = Field(12, ge=4, le=1_000)
    """Connections to PostgreSQL for requests and daemons; heartbeats have two of their own."""
    lease_seconds: float = Field(60, ge=1, le=3_600)
    """Length of a lease; agents renew at a third of it."""
    leader_seconds: float = Field(5, ge=0.5, le=60)
    """Length of the scheduler's leadership; a standby takes over within two of them."""
    host_silent_seconds: float = Field(180, ge=1, le=SECONDS_MAX)
    """A host that has been silent for so long no longer counts as capacity."""
    half_life_seconds: float = Field(7 * 86_400, gt=0, le=SECONDS_MAX)
    """Half-life of usage and of recent average credit."""
    project_apps: bool = False
    """Whether editors may create apps in their projects and workspaces; else only admins do. What
    an app runs, it runs on the hosts."""
    history_strength: float = Field(1.0, ge=0, le=10)
    """How strongly past usage moves shares; 0 looks at the present only."""
    events_keep_hours: float = Field(168, gt=0, le=HOURS_MAX)
    """How long events can be resumed."""
    decisions_keep_hours: float = Field(72, gt=0, le=HOURS_MAX)
    """How long the scheduler's decisions are kept for explanations afterwards."""
    principal_seconds: float = Field(1.0, ge=0, le=2)
    """How long a token's rights may be remembered; a revocation is in force after at most this."""


def read(settings: Callable[..., Read], **given: object) -> Read:
    """Settings from the environment and from what was given, which counts more.

    Args:
        settings: a class of settings with the prefix FAIRLEAD_.
        given: by name of the field; None leaves a field to the environment.

    Raises:
        StartupError: one line that names every variable at fault.
    """
    try:
        return settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        lines = [
            f"FAIRLEAD_{'_'.join(map(str, bad['loc'])).upper()}: {detail_of(bad)}"
            for bad in error.errors(include_input=False)
        ]
        raise StartupError("cannot start; " + "; ".join(lines)) from None


def place_of(url: str) -> str:
    """Where a server's URL points, for a message: never its user or password.

    >>> place_of("postgresql://fairlead:secret@db.example.org:5432/fairlead")
    'db.example.org:5432'
    """
    parts = urlsplit(url)
    socket = dict(parse_qsl(parts.query)).get("host", "")
    return parts.netloc.rpartition("@")[2] or socket or parts.path.rpartition("@")[2] or "?"
