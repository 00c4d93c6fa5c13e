"""Apps, their versions and edits: what can be run, with which parameters, and who changed it."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from broker.protocol.base import Content, FileName, Message, Name, ParameterName, Text, Title, View
from broker.protocol.ids import AccountRef, AppRef, EditRef, VersionRef
from broker.protocol.limits import (
    INPUTS_PER_JOB_MAX,
    OUTPUT_BYTES_MAX,
    OUTPUTS_PER_JOB_MAX,
    PARAMETERS_PER_APP_MAX,
)
from broker.protocol.nodes import Isolation
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
    image: Name | None = None
    """Image of the catalogue in which the command runs, by its handle; null for none."""
    image_reference: str | None = Field(None, max_length=600)
    """Path and digest of that image, which the broker takes from the catalogue when the spec is
    stored; whatever a request says here is replaced. Null without an image."""
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
    """Unique among the apps of its place."""
    project: str | None = Field(None, min_length=1, max_length=100)
    """Where it lies: handle or id of a project, or id of a workspace or folder; null makes it an
    app of the whole deployment, which every account sees."""
    title: Title = ""
    """What people call it."""
    description: Text = ""
    """What it computes."""
    isolation: Isolation = Isolation.PERSONAL
    """What others see of its batches."""


class AppChange(Message):
    """Changes of an app; what is left out stays."""

    title: Title | None = None
    """What people call it; null leaves it."""
    description: Text | None = None
    """What it computes; null leaves it."""
    isolation: Isolation | None = None
    """What others see of the batches submitted from now on; null leaves it. Needs `share`."""


class App(View):
    """An app."""

    id: AppRef
    name: str
    """Unique among the apps of its place."""
    handle: str = ""
    """What scientists submit to: its name, or `project/name` for one that lies in a project, or
    `folder_18/name` or `workspace_5/name`."""
    project: str | None = None
    """Id of the project or workspace that it lies in; null for one of the whole deployment."""
    title: str
    """What people call it."""
    description: str
    """What it computes."""
    state: AppState
    """A deprecated app takes no new jobs."""
    isolation: Isolation = Isolation.PERSONAL
    """What others see of its batches."""
    created_by: AccountRef
    created_at: datetime
    latest_version: int | None = None
    """Number of the newest published version; null when nothing is published."""


class VersionRequest(Content):
    """A new version of an app, as a draft unless `publish`."""

    spec: VersionSpec
    """How it is run."""
    publish: bool = True
    """Publish at once; otherwise the version is a draft until `:publish`."""


class DraftChange(Content):
    """Another spec for a draft that has not been run."""

    spec: VersionSpec
    """How it is run, whole."""


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
    published_at: datetime | None = None
    """Null for a draft."""
    deprecated_at: datetime | None = None
    """Null unless it is deprecated."""


class EditKind(StrEnum):
    """What was done to an app."""

    CREATED = "created"
    CHANGED = "changed"
    DEPRECATED = "deprecated"
    DELETED = "deleted"
    VERSION_CREATED = "version_created"
    VERSION_CHANGED = "version_changed"
    VERSION_PUBLISHED = "version_published"
    VERSION_DEPRECATED = "version_deprecated"


class FieldChange(View):
    """One field that an edit changed."""

    field: str
    """JSON pointer of the field, e.g. "/spec/limits/wall_seconds"."""
    before: Any
    """Its value before; null where it was not there."""
    after: Any
    """Its value after; null where it is gone."""


class Edit(View):
    """Who changed what of an app, and when."""

    id: EditRef
    account: AccountRef
    account_name: str
    """Handle of who did it."""
    kind: EditKind
    """What was done."""
    version_number: int | None
    """The version that it was done to; null for the app itself."""
    changes: list[FieldChange]
    """What is different; empty where the kind says all."""
    at: datetime
