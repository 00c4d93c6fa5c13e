"""What a process says of itself."""

from broker.protocol.base import View


class Health(View):
    """The process is up, or ready to serve."""

    status: str
    """Always "ok": anything else is a problem document."""
