"""What deleting an account does: foreseen before, told afterwards."""

from broker.protocol.accounts import Account
from broker.protocol.base import View


class LeftAlone(View):
    """Something in a project that nobody but managers could share any more."""

    id: str
    """Its public id, e.g. `project_17`."""
    name: str
    """Its name among its siblings."""


class Departure(View):
    """What goes with an account, and what stays."""

    account: Account
    """The account, as it is now."""
    tokens: int
    """Tokens that stop working, those of its hosts included."""
    hosts: int
    """Its hosts, which are shut out; their credit stays its own."""
    teams: int
    """Teams that it leaves."""
    access_entries: int
    """Entries of access lists that name it."""
    jobs_queued: int
    """Jobs that are cancelled before they start."""
    jobs_active: int
    """Jobs that hosts are told to stop."""
    batches_removed: int
    """Strictly personal batches that go with their jobs, outputs and logs, once all have ended."""
    batches_kept: int
    """Batches that stay, for managers and for those to whom they are shared."""
    left_alone: list[LeftAlone]
    """What nobody but managers will be able to share; the first hundred. Hand it over."""
    warnings: list[str]
    """What an admin should see to."""
