"""Data of jobs: places below data roots, as `root:relative/path`."""

from typing import Annotated

from pydantic import Field

from broker.protocol.base import FileName, View
from broker.protocol.ids import DataRootRef
from broker.protocol.limits import NAME_CHARACTERS_MAX, PATH_CHARACTERS_MAX
from broker.protocol.nodes import Mode

DataPlace = Annotated[
    str, Field(min_length=3, max_length=NAME_CHARACTERS_MAX + 1 + PATH_CHARACTERS_MAX)
]
"""`root:relative/path`: handle or id of a data root, and a path below it, taken as it stands."""

RelativePath = Annotated[str, Field(min_length=1, max_length=PATH_CHARACTERS_MAX)]
"""A path below a data root."""


class DataUse(View):
    """A place that a job reads or writes."""

    input: FileName | None
    """The input file that lies there; null for the directory that outputs go to."""
    root: DataRootRef
    """The data root."""
    path: str
    """Relative to the root."""
    mode: Mode
    """How the job uses it."""


class LeasedData(DataUse):
    """The same for the host that runs the job."""

    root_path: str
    """Absolute path of the root on the hosts."""
    uid: int
    """User id under which the root is used."""
    gid: int
    """Group id under which the root is used."""
    public: bool
    """Whether it belongs to no lab. All others of a job have one uid and gid: the job's."""
