"""Data roots: directories on the hosts under one execution account."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from broker.protocol.base import Message, Name, Title, View
from broker.protocol.ids import AccountRef, DataRootRef
from broker.protocol.limits import PATH_CHARACTERS_MAX, UNIX_ID_MAX
from broker.protocol.sharing import Entries

UnixId = Annotated[int, Field(gt=0, le=UNIX_ID_MAX)]
HostPath = Annotated[str, Field(min_length=1, max_length=PATH_CHARACTERS_MAX)]


class DataRootRequest(Message):
    """A new data root."""

    name: Name
    """Unique handle: what stands before the colon in `root:relative/path`."""
    title: Title = ""
    """What people call it."""
    path: HostPath
    """Absolute path on the hosts; the broker never looks at it."""
    uid: UnixId
    """User id under which jobs use it."""
    gid: UnixId
    """Group id under which jobs use it."""
    public: bool = False
    """Whether its files belong to no lab, so that a job may use them beside any lab's."""
    import_enabled: bool = True
    """Whether its files may be registered in projects."""
    entries: Entries = Field(default_factory=list)
    """Who holds which role on it from the start: mostly the lab's team."""


class DataRootChange(Message):
    """Changes of a data root; a field left out keeps its value."""

    title: Title | None = None
    """What people call it."""
    path: HostPath | None = None
    """Absolute path on the hosts."""
    uid: UnixId | None = None
    """User id under which jobs use it."""
    gid: UnixId | None = None
    """Group id under which jobs use it."""
    public: bool | None = None
    """Whether its files belong to no lab."""
    import_enabled: bool | None = None
    """Whether its files may be registered in projects."""


class DataRoot(View):
    """A data root."""

    id: DataRootRef
    name: str
    """Unique handle."""
    title: str
    """What people call it."""
    path: str
    """Absolute path on the hosts."""
    uid: int
    """User id under which jobs use it."""
    gid: int
    """Group id under which jobs use it."""
    public: bool
    """Whether its files belong to no lab."""
    import_enabled: bool
    """Whether its files may be registered in projects."""
    created_by: AccountRef | None
    """Who made it; null when the broker did."""
    created_at: datetime


class Difference(StrEnum):
    """How the shell of a host and the broker differ about somebody and a private data root."""

    NOT_MAPPED = "not_mapped"  # may read by the broker, and has no uid and gid at all
    OTHER_GROUP = "other_group"  # may read by the broker, and the shell would not let it
    NO_ROLE = "no_role"  # may not read by the broker, and the shell would let it
    OPEN_TO_ALL = "open_to_all"  # every account, or everybody, may read by the broker


class ShellDifference(View):
    """Somebody about whom they differ."""

    principal: str
    """`account_3`, `registered` or `everyone`."""
    name: str
    """Handle of the account; of the two groups the same as `principal`."""
    difference: Difference
    """How they differ."""
    ids: list[str]
    """What is set for the account and its teams, each as `uid:gid`."""


class ShellReport(View):
    """Whether what the shell may read agrees with what the broker allows."""

    root: DataRootRef
    """The data root."""
    root_name: str
    """Its handle."""
    differences: list[ShellDifference]
    """Those about whom they differ, by name; at most a thousand. Of a public root none are told."""
    more: int
    """How many more there are."""
