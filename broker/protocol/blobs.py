"""Contents that accounts upload for the inputs of their jobs."""

from broker.protocol.base import View


class Blob(View):
    """A stored content; jobs of the same account may name it as an input."""

    sha256: str
    """SHA-256 in lower-case hexadecimal."""
    size_bytes: int
    """Size in bytes."""
