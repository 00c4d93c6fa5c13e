"""Who may do what: one pure function, asked by every door.

`actions` names what can be asked, `roles` is the policy table, `scopes` what tokens may be used
for, `decision` the formula, `compound` what takes several decisions at once, `world` everything
that decisions need to know, in memory.
"""

from broker.domain.access.actions import KINDS, READS, VIEW_OF, Action, own
from broker.domain.access.decision import (
    ABSENT,
    ANONYMOUS,
    Acl,
    Decision,
    Ground,
    Principal,
    Resource,
    Via,
    decide,
    rights,
    sees,
)
from broker.domain.access.roles import (
    ADDS,
    GRANTABLE,
    LADDERS,
    Mask,
    covers,
    mask,
    rights_of,
    rights_of_role,
    roles_in,
    roles_with,
)
from broker.domain.access.scopes import SCOPES, WHOLE, Scopes, actions_of, within
from broker.domain.access.world import Node, Visible, World

__all__ = [
    "ABSENT",
    "ADDS",
    "ANONYMOUS",
    "GRANTABLE",
    "KINDS",
    "LADDERS",
    "READS",
    "SCOPES",
    "VIEW_OF",
    "WHOLE",
    "Acl",
    "Action",
    "Decision",
    "Ground",
    "Mask",
    "Node",
    "Principal",
    "Resource",
    "Scopes",
    "Via",
    "Visible",
    "World",
    "actions_of",
    "covers",
    "decide",
    "mask",
    "own",
    "rights",
    "rights_of",
    "rights_of_role",
    "roles_in",
    "roles_with",
    "sees",
    "within",
]
