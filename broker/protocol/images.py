"""Images: entries of a catalogue of container images that app versions refer to."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from broker.protocol.base import Message, Name, View
from broker.protocol.ids import AccountRef, ImageRef
from broker.protocol.limits import CATEGORIES_PER_IMAGE_MAX
from broker.protocol.sharing import Entries

ImagePath = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$", max_length=400)
]
"""Where a registry has it, e.g. "registry.example.org:5000/lab/relion"; without tag and digest."""
ImageDigest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Categories = Annotated[list[Name], Field(max_length=CATEGORIES_PER_IMAGE_MAX)]


class ImageRequest(Message):
    """A new entry."""

    name: Name
    """Unique handle that app versions name."""
    path: ImagePath
    """Where a registry has it, without tag and digest."""
    digest: ImageDigest
    """Digest of its manifest, `sha256:...`."""
    categories: Categories = Field(default_factory=list)
    """Words to find it by."""
    entries: Entries | None = None
    """Who holds which role on it; null lets every registered user view it and copy its path."""


class ImageChange(Message):
    """Changes of an entry; a field left out keeps its value. Published versions keep theirs."""

    path: ImagePath | None = None
    """Where a registry has it, without tag and digest."""
    digest: ImageDigest | None = None
    """Digest of its manifest, `sha256:...`."""
    categories: Categories | None = None
    """Words to find it by."""


class Image(View):
    """An entry of the catalogue."""

    id: ImageRef
    name: str
    """Unique handle."""
    path: str
    """Where a registry has it."""
    digest: str
    """Digest of its manifest."""
    categories: list[str]
    """Words to find it by."""
    created_by: AccountRef | None
    """Who made it; null when the broker did."""
    created_at: datetime
