"""Whether what the shell of the hosts may read agrees with what the broker allows (C7).

Both sides are data here: the access list of a root and its uid and gid, the ids that are set for
accounts and teams. Those who read only because they administer everything are left out, unless the
list names them.
"""

from collections.abc import Mapping

from broker.domain.access import Action, World, rights_of
from broker.domain.shell_access import difference
from broker.domain.unix_accounts import UnixIds
from broker.protocol.data_roots import Difference, ShellDifference, ShellReport
from broker.protocol.ids import AccountId, NodeId, PrincipalId, show
from broker.protocol.limits import SHELL_DIFFERENCES_MAX
from broker.protocol.nodes import EVERYONE, REGISTERED, Kind
from broker.protocol.states import AccountState
from broker.services.requests.actor import Actor
from broker.services.requests.references import authorised_node
from broker.storage import unix_accounts
from broker.storage.database import Connection

GROUPS = {REGISTERED: "registered", EVERYONE: "everyone"}


async def check(connection: Connection, actor: Actor, reference: str) -> ShellReport:
    """About whom they differ. A public root belongs to no lab: of it nothing is told.

    Raises:
        NotFound: there is no such data root, or it is not the caller's to see.
        Forbidden: the caller may not see who holds what on it.
    """
    root = authorised_node(actor, Kind.DATA_ROOT, reference, "{root}")
    world, found = actor.world, list[ShellDifference]()
    if root in world.roots and not world.roots[root].public:
        ids = await unix_accounts.every(connection)
        found = _differences(world, root, {who: UnixIds(*pair) for who, pair in ids.items()})
    return ShellReport(
        root=root,
        root_name=world.nodes[root].name,
        differences=found[:SHELL_DIFFERENCES_MAX],
        more=max(0, len(found) - SHELL_DIFFERENCES_MAX),
    )


def _differences(
    world: World, root: NodeId, ids: Mapping[PrincipalId, UnixIds]
) -> list[ShellDifference]:
    """Those about whom they differ, the two groups first and then accounts by name."""
    acl = world.acl_of(root)
    readers = {who for who, roles in acl.items() if Action.DATA_READ in rights_of(roles)}
    found = [
        ShellDifference(principal=name, name=name, difference=Difference.OPEN_TO_ALL, ids=[])
        for group, name in GROUPS.items()
        if group in readers
    ]
    facts, open_to_all = world.roots[root], bool(found)
    of_root = UnixIds(facts.uid, facts.gid)
    for number, account in sorted(world.accounts.items(), key=lambda pair: pair[1].name):
        if account.state is not AccountState.ACTIVE:
            continue
        holders = _holders(world, number)
        may_read = not readers.isdisjoint(holders)
        by_other_means = open_to_all or Action.DATA_READ in rights_of(account.global_roles)
        if by_other_means and not may_read:
            continue
        mine = [ids[who] for who in holders if who in ids]
        if how := difference(of_root, mine, may_read=may_read):
            found.append(
                ShellDifference(
                    principal=show("account", number),
                    name=account.name,
                    difference=how,
                    ids=[f"{each.uid}:{each.gid}" for each in mine],
                )
            )
    return found


def _holders(world: World, account: AccountId) -> list[PrincipalId]:
    """An account and its teams: for whom ids can be set, and whom a list can name."""
    teams = world.teams.get(account, frozenset())
    return [PrincipalId(account), *map(PrincipalId, sorted(teams))]
