"""Bindings: which data roots and pools a project may use."""

from broker.protocol.base import Message, View
from broker.protocol.nodes import Kind, Mode


class BindingRequest(Message):
    """How a project may use what is bound to it."""

    mode: Mode = Mode.READ
    """Of a data root: whether jobs may also write there. A pool has no mode."""


class Binding(View):
    """Something bound to a project."""

    id: str
    """Public id of the data root or pool, e.g. "root_9"."""
    kind: Kind
    """`data_root` or `pool`."""
    name: str
    """Its handle."""
    mode: Mode | None
    """How the project may use a data root; null for a pool."""


class ImportSwitch(Message):
    """Whether existing data may be imported."""

    import_enabled: bool
    """Off: only a facility admin imports."""
