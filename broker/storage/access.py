"""What decisions need to know: read whole, or only what changed."""

from collections.abc import Sequence

from broker.domain.access.roles import Mask, mask
from broker.domain.access.world import Account, DataRoot, Node
from broker.protocol.ids import AccountId, NodeId, PrincipalId, TeamId
from broker.protocol.nodes import Kind, Mode, Role
from broker.protocol.states import AccountState
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("access")
CHANNEL = "fairlead_access"
GLOBAL_ROLES = {
    (submit, admin): mask([Role.SUBMIT_ALL] * submit + [Role.MANAGER] * admin)
    for submit in (False, True)
    for admin in (False, True)
}


async def epoch(connection: Connection) -> int:
    """How many changes of rights were committed."""
    return int(await connection.fetchval(SQL.epoch))


async def changes(connection: Connection, after: int) -> dict[str, list[int]]:
    """The ids of what changed after an epoch, by kind of change."""
    rows = await connection.fetch(SQL.changes, after)
    return {row["kind"]: row["ids"] for row in rows}


async def oldest(connection: Connection) -> int | None:
    """The oldest epoch whose changes are still told."""
    found: int | None = await connection.fetchval(SQL.oldest)
    return found


async def nodes(connection: Connection, ids: Sequence[int] | None) -> dict[NodeId, Node]:
    """Nodes by id, without files; all for None."""
    kinds = {kind.value: kind for kind in Kind}
    return {
        NodeId(id_): Node(kinds[kind], *rest)
        for id_, kind, *rest in await connection.fetch(SQL.nodes, ids)
    }


async def projects_without_import(connection: Connection, ids: Sequence[int] | None) -> set[NodeId]:
    """Projects and workspaces into which nobody imports."""
    return {NodeId(row[0]) for row in await connection.fetch(SQL.projects_without_import, ids)}


async def data_roots(connection: Connection, ids: Sequence[int] | None) -> dict[NodeId, DataRoot]:
    """Data roots by node."""
    rows = await connection.fetch(SQL.data_roots, ids)
    return {NodeId(id_): DataRoot(*facts) for id_, *facts in rows}


async def open_pools(connection: Connection, ids: Sequence[int] | None) -> set[NodeId]:
    """Pools that every project may use."""
    return {NodeId(row[0]) for row in await connection.fetch(SQL.open_pools, ids)}


async def acls(
    connection: Connection, ids: Sequence[int] | None
) -> dict[NodeId, dict[PrincipalId, Mask]]:
    """Access lists by node."""
    masks: dict[tuple[str, ...], Mask] = {}
    found: dict[NodeId, dict[PrincipalId, Mask]] = {}
    for node, principal, roles in await connection.fetch(SQL.acls, ids):
        key = tuple(roles)
        if key not in masks:
            masks[key] = mask(map(Role, key))
        found.setdefault(node, {})[principal] = masks[key]
    return found


async def accounts(connection: Connection, ids: Sequence[int] | None) -> dict[AccountId, Account]:
    """Accounts as far as rights go."""
    rows = await connection.fetch(SQL.accounts, ids)
    return {
        AccountId(id_): Account(
            name, AccountState(state), GLOBAL_ROLES[submit, admin], may_import, workspace
        )
        for id_, name, state, may_import, workspace, submit, admin in rows
    }


async def memberships(
    connection: Connection, ids: Sequence[int] | None
) -> dict[AccountId, frozenset[TeamId]]:
    """The teams of accounts; who is in none is missing."""
    rows = await connection.fetch(SQL.memberships, ids)
    return {AccountId(account): frozenset(teams) for account, teams in rows}


async def bindings(
    connection: Connection, ids: Sequence[int] | None
) -> dict[NodeId, dict[NodeId, Mode]]:
    """What is bound to projects, and how it may be used."""
    found: dict[NodeId, dict[NodeId, Mode]] = {}
    for project, node, mode in await connection.fetch(SQL.bindings, ids):
        found.setdefault(project, {})[node] = Mode(mode)
    return found


async def prune(connection: Connection, *, hours: float) -> None:
    """Forgets old changes."""
    await connection.execute(SQL.prune, hours)
