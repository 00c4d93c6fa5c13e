"""What the operator decides about one agent: `FAIRLEAD_*` variables or arguments of the command."""

import os
import re
import socket
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from broker.protocol.base import CONTROL_CHARACTERS, Name
from broker.protocol.limits import SLOTS_PER_HOST_MAX, TITLE_CHARACTERS_MAX
from broker.protocol.resources import WHOLE


def _http_url(text: str) -> str:
    if not re.match(r"^https?://[^/\s@]+(/[^\s?#]*)?$", text):
        raise ValueError("expected http(s)://host[:port][/path] without user, query or fragment")
    return text.rstrip("/")


def _gpu_choice(text: str) -> str:
    if not re.match(r"^(all|none|\d+(,\d+)*)$", text):
        raise ValueError('expected "all", "none", or indices like "0,1"')
    return text


def default_state_directory() -> Path:
    """Where an agent keeps its credential and unsent reports unless told otherwise."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "fairlead" / "worker"


class WorkerSettings(BaseSettings):
    """Settings of one agent."""

    model_config = SettingsConfigDict(
        env_prefix="FAIRLEAD_",
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )

    url: Annotated[str, AfterValidator(_http_url)]
    """Address of the broker, e.g. "https://fairlead.example.org"."""
    enrollment_token: SecretStr | None = None
    """Single-use token `fle_...`; needed only until the host has a credential of its own."""
    state_directory: Path = Field(default_factory=default_state_directory)
    """Credential, spool of unsent reports, working directories, checkpoints. One agent each."""
    slots: int | None = Field(None, ge=0, le=SLOTS_PER_HOST_MAX)
    """CPU slots for jobs without a GPU; null takes the number of cores, or 0 where GPUs are
    offered."""
    gpus: Annotated[str, AfterValidator(_gpu_choice)] = "all"
    """GPUs to offer: "all", "none", or indices as NVML counts them, e.g. "0,1"."""
    gpu_shares: int = Field(1, ge=1, le=WHOLE)
    """Into how many parts each whole GPU is split, for as many jobs at once: 1, 2, 4 or 8. Nothing
    keeps those jobs from each other's memory."""
    token_days_max: float = Field(30, ge=0)
    """Days after which the host takes another credential in the place of its own; 0 for never."""
    pool: Name | None = None
    """Pool to join; null takes the one that the enrolment token names."""
    name: str | None = Field(None, min_length=1, max_length=TITLE_CHARACTERS_MAX)
    """Host name shown to people; null takes the system's."""
    address: str = Field("", max_length=TITLE_CHARACTERS_MAX)
    """Name or address at which the other hosts of its pool reach it, for jobs on several hosts;
    empty takes the host name."""
    checkpoint_bytes_max: int = Field(20 * 2**30, ge=0)
    """Largest checkpoint directory of one job that is kept for its next attempt."""
    prefetch: int = Field(0, ge=0, le=SLOTS_PER_HOST_MAX)
    """Jobs to hold beyond the free slots, so that short jobs start without a round trip."""
    idle_exit_seconds: float | None = Field(None, gt=0)
    """Leave after this many seconds without a job; null to stay."""
    wall_seconds_max: float | None = Field(None, gt=0)
    """Leave after this many seconds (a pilot inside Slurm or Kubernetes); null to stay."""
    data_roots: Literal["refuse", "allow"] = "refuse"
    """Jobs that use data roots, where the executor cannot confine them to these: "refuse", or
    "allow" on a host of a single lab, where every job may see what the agent's own user sees."""
    drain_seconds: float = Field(30, ge=0)
    """How long running jobs may go on after SIGTERM or SIGINT before they are handed back."""

    @field_validator("gpu_shares")
    @classmethod
    def _in_eighths(cls, shares: int) -> int:
        if WHOLE % shares:
            raise ValueError("expected 1, 2, 4 or 8")
        return shares

    @property
    def host_name(self) -> str:
        """The name that people see, without control characters."""
        name = self.name or socket.gethostname() or "host"
        clean = "".join("?" if c in CONTROL_CHARACTERS or c in "\t\n" else c for c in name)
        return clean[:TITLE_CHARACTERS_MAX]
