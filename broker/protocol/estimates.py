"""Times that lie ahead, as ranges."""

from broker.protocol.base import View


class Estimate(View):
    """When something may happen."""

    seconds_low: float
    """Seconds from now, at best."""
    seconds_high: float
    """Seconds from now, at worst."""
    basis: str
    """What the range rests on."""
