"""Execution accounts on hosts: which uid and gid the jobs of a lab run as."""

from broker.protocol.base import Message, View
from broker.protocol.data_roots import UnixId


class UnixRequest(Message):
    """The execution account of a team or an account."""

    uid: UnixId
    """Numeric user id on the hosts; never 0."""
    gid: UnixId
    """Numeric group id on the hosts; never 0."""
    shared: bool = False
    """Whether others may have the same uid, who say so, too: then they can reach each other's
    files on a host."""


class UnixIdentity(View):
    """An execution account that was set."""

    uid: int
    """Numeric user id on the hosts."""
    gid: int
    """Numeric group id on the hosts."""
    shared: bool
    """Whether others may have the same uid."""


class UnixAccount(View):
    """As whom the jobs of an account or of a team's members run, data roots apart."""

    own: UnixIdentity | None
    """What is set for it; null for nothing."""
    runs_as: UnixIdentity | None
    """What counts for its jobs outside of projects; null for the host's default."""
    why: str
    """What decided it."""
