"""What would be due to whom if quotas were others: a question, nothing is changed."""

from typing import Annotated, Literal

from pydantic import Field

from broker.protocol.base import Message, View
from broker.protocol.limits import ELEMENTS_PER_CALL_MAX
from broker.protocol.quotas import Slots, Weight

Capacity = Annotated[int, Field(ge=0, le=10**9)]


class GroupIf(Message):
    """A group as it might be; a field left out keeps its value, null removes a limit."""

    group: str
    """Handle or id."""
    parent: str | None = None
    """Group that it would belong to, by handle or id; null for none."""
    weight: Weight | None = None
    """Weight among its siblings."""
    minimum_slots: Slots | None = None
    """Slots that it would get before its siblings."""
    maximum_slots: Slots | None = None
    """Most slots that its members would get together; null for no cap."""


class AccountIf(Message):
    """An account as it might be; a field left out keeps its value, null removes a limit."""

    account: str
    """Handle or id."""
    group: str | None = None
    """Group that it would belong to, by handle or id; null for none."""
    weight: Weight | None = None
    """Weight in force among its siblings."""
    minimum_slots: Slots | None = None
    """Slots that it would get before its siblings."""
    maximum_slots: Slots | None = None
    """Most slots that it would get; null for no cap."""


class PreviewRequest(Message):
    """Changes to think through, and what to hold them against."""

    groups: list[GroupIf] = Field(default_factory=list, max_length=ELEMENTS_PER_CALL_MAX)
    """Groups that would change."""
    accounts: list[AccountIf] = Field(default_factory=list, max_length=ELEMENTS_PER_CALL_MAX)
    """Accounts that would change."""
    demand: Literal["present", "full"] = "present"
    """`present`: everybody wants what the last plan saw; `full`: everybody listed wants all."""
    capacity_slots: Capacity | None = None
    """Slots of the fleet; null for those of the last plan."""


class PreviewRow(View):
    """A group or account, now and after the changes; members follow their group."""

    kind: Literal["group", "account"]
    """What it is."""
    id: str
    """Public id."""
    name: str
    """Handle."""
    level: int
    """How many groups it belongs to after the changes."""
    weight_before: float
    """Weight in force."""
    weight_after: float
    """Weight after the changes."""
    entitlement_slots_before: float
    """Slots that are due to it."""
    entitlement_slots_after: float
    """Slots that would be due to it."""
    demand_slots: float
    """Slots that it wants in this comparison; of a group those of its members."""


class Preview(View):
    """Who would get what."""

    capacity_slots: float
    """Slots of the fleet in this comparison."""
    items: list[PreviewRow]
    """The tree after the changes, from the top; kinds of hosts are not told apart."""
