"""Who may do what, and why: the answers of `who-can` and `explain-access`."""

from typing import Literal

from broker.protocol.base import View
from broker.protocol.nodes import Role


class Grant(View):
    """One reason why somebody may."""

    via: Literal["global", "acl", "app", "lease"]
    """`global`: a privilege over everything; `acl`: an entry of the access list that governs the
    node; `app`: one of the list of the app that a batch runs; `lease`: a host's own lease."""
    node: str | None
    """The node whose list it stands in; null for a global privilege."""
    principal: str
    """Who stands there: the account itself, one of its teams, `registered` or `everyone`."""
    principal_name: str
    """Handle of that account or team."""
    roles: list[Role]
    """Roles that give the action."""


class Holder(View):
    """Somebody who may."""

    principal: str
    """An account; or `registered` or `everyone`, to whom all accounts, or all the world, belong."""
    name: str
    """Handle of the account."""
    grounds: list[Grant]
    """Why; one is enough."""


class AccessExplanation(View):
    """Why an action is allowed or denied."""

    action: str
    """What was asked."""
    node: str
    """About what."""
    benefactor_id: str
    """The node whose access list governs it."""
    account: str | None
    """For whom; null without a token."""
    allowed: bool
    """Whether it is allowed."""
    grounds: list[Grant]
    """Why it is allowed; empty where it is denied."""
    missing: str | None
    """Which demand is not met; null where it is allowed."""
