"""Imports: existing data of a data root, registered in a project as files."""

from datetime import datetime

from pydantic import Field

from broker.protocol.base import Message, View
from broker.protocol.data import RelativePath
from broker.protocol.ids import AccountRef, DataRootRef, FileRef
from broker.protocol.limits import IMPORTS_PER_CALL_MAX


class ImportRequest(Message):
    """Data to register. Whether it is there, only the first job finds out."""

    root: str = Field(min_length=1, max_length=100)
    """Handle or id of the data root; it must be bound to the project."""
    paths: list[RelativePath] = Field(min_length=1, max_length=IMPORTS_PER_CALL_MAX)
    """Files or directories below the root; the last component becomes the name of each."""
    folder: str | None = Field(None, min_length=1, max_length=100)
    """Id of the folder that they will lie in; null for the project itself."""


class ImportedFile(View):
    """A file of a project that refers to a place below a data root."""

    id: FileRef
    name: str
    """Its name among its siblings."""
    root: DataRootRef
    """The data root."""
    path: str
    """Relative to the root."""
    created_by: AccountRef | None
    """Who imported it; null when the broker did."""
    created_at: datetime


class Imported(View):
    """What was registered, in the order of the request."""

    items: list[ImportedFile]
    """The new files."""
