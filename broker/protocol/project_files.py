"""Files in projects: uploaded as blobs first, then given a name and a place."""

from broker.protocol.base import Digest, Label, Message
from broker.protocol.nodes import Reference


class FileRequest(Message):
    """A new file."""

    parent: Reference
    """Project, workspace or folder that it will lie in: id, or handle of a project."""
    name: Label
    """Unique among the files beside it."""
    sha256: Digest
    """Digest of content that the caller has uploaded (`PUT /v1/blobs/{sha256}`)."""


class FileContentRequest(Message):
    """New content of a file."""

    sha256: Digest
    """Digest of content that the caller has uploaded (`PUT /v1/blobs/{sha256}`)."""
