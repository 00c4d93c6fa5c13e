"""Data roots: directories on the hosts under one execution account."""

from datetime import datetime
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
