"""Apps and their versions: what can be run, and with which parameters."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from broker.protocol.base import FileName, Message, Name, ParameterName, Text, Title, View
from broker.protocol.ids import AccountRef, AppRef, VersionRef
from broker.protocol.limits import (
    INPUTS_PER_JOB_MAX,
    OUTPUT_BYTES_MAX,
    OUTPUTS_PER_JOB_MAX,
    PARAMETERS_PER_APP_MAX,
)
from broker.protocol.resources import JobLimits, Resources
from broker.protocol.states import AppState, VersionState

Scalar = bool | int | float | str


class ParameterSpec(Message):
    """One typed parameter of an app version."""

    type: Literal["number", "integer", "string", "boolean"]
    """JSON type of the value."""
    description: Text = ""
    """One sentence for the scientist."""
    unit: Title = ""
    """Unit of a number, e.g. "K"."""
    default: Scalar | None = None
    """Used when a job leaves the parameter out; null makes the parameter required."""
    minimum: float | None = None
    """Least number allowed; null for no bound."""
    maximum: float | None = None
    """Greatest number allowed; null for no bound."""
    choices: list[str] | None = Field(None, min_length=1, max_length=1_000)
    """The strings allowed; null for any."""


class InputSpec(Message):
    """One input file of a job."""

    required: bool = True
    """Whether a job without it is refused."""
    description: Text = ""
    """One sentence for the scientist."""


class OutputSpec(Message):
    """One output file of a job."""

    required: bool = True
    """Whether an attempt that does not write it counts as failed."""
    maximum_bytes: int = Field(OUTPUT_BYTES_MAX, ge=0, le=OUTPUT_BYTES_MAX)
    """Largest size in bytes."""
    description: Text = ""
    """One sentence for the scientist."""


class VersionSpec(Message):
    """How an app version is run. Immutable once published."""

    command: list[str] = Field(min_length=1, max_length=1_000)
    """Program and arguments. `{name}` stands for a parameter, `{{` and `}}` for braces, and
    `{python}` for the agent's own Python interpreter."""
    executor: Name = "process"
    """Executor on the host, e.g. "process"."""
    files: dict[FileName, str] = Field(default_factory=dict, max_length=100)
    """Text files placed in the working directory before the command starts."""
    environment: dict[ParameterName, str] = Field(default_factory=dict, max_length=100)
    """Environment variables added for the command."""
    parameters: dict[ParameterName, ParameterSpec] = Field(
        default_factory=dict, max_length=PARAMETERS_PER_APP_MAX
    )
    """The typed parameters, by name."""
    inputs: dict[FileName, InputSpec] = Field(default_factory=dict, max_length=INPUTS_PER_JOB_MAX)
    """Input files, by the name they have in the working directory."""
    outputs: dict[FileName, OutputSpec] = Field(
        default_factory=dict, max_length=OUTPUTS_PER_JOB_MAX
    )
    """Output files, by the name they have in the working directory."""
    resources: Resources = Resources()
    """What a job needs unless its batch says otherwise."""
    limits: JobLimits = JobLimits()
    """Bounds of an attempt unless its batch says otherwise."""
    deterministic: bool = False
    """Whether equal inputs give byte-equal outputs on equal hosts."""


class AppRequest(Message):
    """A new app."""

    name: Name
    """Unique handle that scientists submit to."""
    title: Title = ""
    """What people call it."""
    description: Text = ""
    """What it computes."""


class App(View):
    """An app."""

    id: AppRef
    name: str
    """Unique handle."""
    title: str
    """What people call it."""
    description: str
    """What it computes."""
    state: AppState
    """A deprecated app takes no new jobs."""
    created_by: AccountRef
    created_at: datetime
    latest_version: int | None = None
    """Number of the newest published version; null when nothing is published."""


class VersionRequest(Message):
    """A new version of an app, as a draft unless `publish`."""

    spec: VersionSpec
    """How it is run."""
    publish: bool = True
    """Publish at once; otherwise the version is a draft until `:publish`."""


class Version(View):
    """A version of an app."""

    id: VersionRef
    app: AppRef
    number: int
    """1, 2, 3, ... within the app."""
    state: VersionState
    """Only published versions take new jobs."""
    spec: VersionSpec
    """How it is run."""
    created_by: AccountRef
    created_at: datetime
