"""Everything that decisions need to know, in memory: nodes, access lists, accounts, teams.

A plain structure: `services.access` fills it from PostgreSQL and keeps it current. Its methods
make the principals and resources for which `decide` decides.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from broker.domain.access.actions import Action
from broker.domain.access.decision import (
    ABSENT,
    NO_ENTRIES,
    Acl,
    Principal,
    Resource,
    decide,
)
from broker.domain.access.roles import ALL_ROLES, APP_PART, APP_ROLES, Mask, rights_of
from broker.protocol.ids import AccountId, AppId, HostId, NodeId, PrincipalId, TeamId
from broker.protocol.nodes import DEPLOYMENT, EVERYONE, REGISTERED, Isolation, Kind, Mode
from broker.protocol.states import AccountState

# What requests name as `project/name`; everything else below a project goes by its id.
NAMED_IN_PLACES = frozenset({Kind.APP, Kind.TABLE})
NO_TEAMS: frozenset[TeamId] = frozenset()


class Node(NamedTuple):
    """A node of the tree.

    Args:
        project_id: the project or workspace that it lies in, or is; None outside of any.
        name: unique among its siblings of the same kind; empty for batches.
    """

    kind: Kind
    parent_id: NodeId | None
    benefactor_id: NodeId
    project_id: NodeId | None
    created_by: AccountId | None
    trashed: bool
    name: str


class Account(NamedTuple):
    """An account as far as rights go."""

    name: str
    state: AccountState
    global_roles: Mask
    import_enabled: bool
    workspace_id: NodeId


class DataRoot(NamedTuple):
    """What a data root says of its files."""

    uid: int
    gid: int
    public: bool
    import_enabled: bool


@dataclass(frozen=True, slots=True)
class Visible:
    """What a caller may do an action to: what some benefactors govern, or everything.

    Strictly personal batches are never part of everything.
    """

    everything: bool
    benefactors: frozenset[NodeId]


@dataclass(slots=True)
class World:
    """The state at one epoch. Mutated in place, between two decisions and never within one."""

    epoch: int = -1
    nodes: dict[NodeId, Node] = field(default_factory=dict)
    acls: dict[NodeId, dict[PrincipalId, Mask]] = field(default_factory=dict)
    accounts: dict[AccountId, Account] = field(default_factory=dict)
    teams: dict[AccountId, frozenset[TeamId]] = field(default_factory=dict)
    # of a project or workspace: what is bound to it, and how it may be used
    bindings: dict[NodeId, Mapping[NodeId, Mode]] = field(default_factory=dict)
    roots: dict[NodeId, DataRoot] = field(default_factory=dict)
    open_pools: set[NodeId] = field(default_factory=set)
    imports_off: set[NodeId] = field(default_factory=set)  # projects and workspaces
    _named: dict[tuple[NodeId, Kind, str], NodeId] = field(default_factory=dict)
    _governed: dict[PrincipalId, set[NodeId]] = field(default_factory=dict)
    _inheriting: dict[NodeId, set[NodeId]] = field(default_factory=dict)
    _principals: dict[AccountId, Principal] = field(default_factory=dict)

    # -- who --------------------------------------------------------------------------------

    def principal(self, account: AccountId) -> Principal:
        """S(u) and the global roles of an account; of one that is not active: nothing at all."""
        known = self._principals.get(account)
        if known is None:
            known = self._principals[account] = self._principal(account)
        return known

    def _principal(self, account: AccountId) -> Principal:
        facts = self.accounts.get(account)
        if facts is None or facts.state is not AccountState.ACTIVE:
            return Principal(account_id=account)
        groups = (PrincipalId(account), EVERYONE, REGISTERED)
        teams = self.teams.get(account, NO_TEAMS)
        return Principal(
            account_id=account,
            account_name=facts.name,
            principals=frozenset([*groups, *map(PrincipalId, teams)]),
            global_roles=facts.global_roles,
            import_enabled=facts.import_enabled,
        )

    # -- what -------------------------------------------------------------------------------

    def acl_of(self, node: NodeId) -> Acl:
        """The access list that governs a node; empty for one that is not known."""
        found = self.nodes.get(node)
        return self.acls.get(found.benefactor_id, NO_ENTRIES) if found else NO_ENTRIES

    def node(self, node: NodeId) -> Resource:
        """A node of the tree."""
        found = self.nodes.get(node)
        if found is None:
            return ABSENT
        acl = self.acls.get(found.benefactor_id, NO_ENTRIES)
        return Resource(found.kind, acl, found.created_by, trashed=found.trashed)

    def file(self, benefactor: NodeId, created_by: AccountId | None, *, trashed: bool) -> Resource:
        """A file, of which only its row knows what governs it."""
        acl = self.acls.get(benefactor, NO_ENTRIES)
        return Resource(Kind.FILE, acl, created_by, trashed=trashed)

    def batch(self, node: NodeId, account: AccountId, app: AppId, isolation: Isolation) -> Resource:
        """A batch, its jobs, outputs, logs and events.

        Args:
            node: what governs it: its project, workspace or folder, or a node of its own.
        """
        found = self.nodes.get(node)
        if found is None:
            return ABSENT
        return Resource(
            Kind.BATCH,
            self.acls.get(found.benefactor_id, NO_ENTRIES),
            account,
            self._app_acl(NodeId(app)),
            isolation,
            found.trashed,
        )

    def _app_acl(self, app: NodeId) -> Acl:
        """What governs an app, for its batches; one in the trash gives nobody anything."""
        found = self.nodes.get(app)
        if found is None or found.trashed:
            return NO_ENTRIES
        return self.acls.get(found.benefactor_id, NO_ENTRIES)

    def deployment(self) -> Resource:
        """What belongs to nothing smaller: lists, shares, new accounts."""
        return Resource(Kind.DEPLOYMENT, self.acls.get(DEPLOYMENT, NO_ENTRIES))

    def account(self, account: AccountId) -> Resource:
        """An account, its tokens, privileges and quota; its own where a right says `:own`."""
        return Resource(Kind.ACCOUNT, self.acls.get(DEPLOYMENT, NO_ENTRIES), account)

    def team(self) -> Resource:
        """Any team: they are kept by the deployment's managers (T19)."""
        return Resource(Kind.TEAM, self.acls.get(DEPLOYMENT, NO_ENTRIES))

    def host(self, owner: AccountId | None) -> Resource:
        """A host of an owner."""
        return Resource(Kind.HOST, self.acls.get(DEPLOYMENT, NO_ENTRIES), owner)

    @staticmethod
    def lease(host: HostId) -> Resource:
        """The leases that a host holds."""
        return Resource(Kind.LEASE, host_id=host)

    # -- finding ----------------------------------------------------------------------------

    def named(self, kind: Kind, name: str) -> NodeId | None:
        """The node of a kind directly below the deployment with this name."""
        return self._named.get((DEPLOYMENT, kind, name))

    def child(self, place: NodeId, kind: Kind, name: str) -> NodeId | None:
        """The app or table in a place with this name."""
        return self._named.get((place, kind, name))

    def bound(self, project: NodeId, what: NodeId) -> Mode | None:
        """How a project or workspace may use a data root or pool; None when it is not bound."""
        return self.bindings.get(project, {}).get(what)

    def pool_serves(self, pool: str, project: NodeId | None = None) -> bool:
        """Whether a pool is open to all projects, or bound to this one; None for any project."""
        node = self.named(Kind.POOL, pool)
        if node is None:
            return True  # a pool that nobody registered belongs to nobody
        return node in self.open_pools or (
            project is not None and self.bound(project, node) is not None
        )

    def pool_takes_hosts(self, pool: str, who: Principal) -> bool:
        """Whether somebody's hosts may join a pool: a closed one asks for a role on it, because
        what its projects run there is at the mercy of the host."""
        node = self.named(Kind.POOL, pool)
        return (
            node is None
            or node in self.open_pools
            or decide(who, Action.POOL_ENROLL, self.node(node)).allowed
        )

    def visible(self, who: Principal, action: Action) -> Visible:
        """On what a caller may do an action that no `:own` right gives: list equals check."""
        everything = who.in_scope(action) and action in rights_of(who.global_roles)
        return Visible(everything, self.governed(who, action))

    def governed(
        self, who: Principal, action: Action, roles: Mask = ALL_ROLES
    ) -> frozenset[NodeId]:
        """The benefactors whose own access lists give a caller an action, by some roles."""
        if not who.in_scope(action):
            return frozenset()
        return frozenset(
            node
            for principal in who.principals
            for node in self._governed.get(principal, ())
            if action in rights_of(self.acls[node][principal] & roles)
        )

    def inheriting(self, benefactors: Iterable[NodeId], kinds: frozenset[Kind]) -> list[NodeId]:
        """The nodes of some kinds that some benefactors govern, without the trashed ones."""
        nodes = self.nodes
        return [
            node
            for benefactor in benefactors
            for node in self._inheriting.get(benefactor, ())
            if nodes[node].kind in kinds and not nodes[node].trashed
        ]

    def apps_giving(self, who: Principal, action: Action) -> list[AppId]:
        """The apps whose access lists give a caller an action on the batches that run them."""
        assert action in APP_PART, action
        benefactors = self.governed(who, action, APP_ROLES)
        found = self.inheriting(benefactors, frozenset({Kind.APP}))
        return [AppId(node) for node in found]

    def apps_showing(self, who: Principal) -> list[AppId]:
        """The apps whose access lists show them to a caller, and so their shared batches."""
        benefactors = self.governed(who, Action.APP_VIEW)
        return [AppId(node) for node in self.inheriting(benefactors, frozenset({Kind.APP}))]

    # -- changing ---------------------------------------------------------------------------

    def put_nodes(self, ids: Iterable[NodeId], found: Mapping[NodeId, Node]) -> None:
        """Replaces some nodes; those that were not found are gone."""
        for id_ in ids:
            if before := self.nodes.pop(id_, None):
                self._inheriting.get(before.benefactor_id, set()).discard(id_)
                key = (before.parent_id or DEPLOYMENT, before.kind, before.name)
                if self._named.get(key) == id_:
                    del self._named[key]
        for id_, node in found.items():
            self.nodes[id_] = node
            self._inheriting.setdefault(node.benefactor_id, set()).add(id_)
            found_by_name = node.parent_id == DEPLOYMENT or node.kind in NAMED_IN_PLACES
            if found_by_name and not node.trashed and node.parent_id is not None:
                self._named[node.parent_id, node.kind, node.name] = id_

    def put_facts(
        self,
        ids: Iterable[NodeId],
        roots: Mapping[NodeId, DataRoot],
        *,
        open_pools: Iterable[NodeId],
        imports_off: Iterable[NodeId],
    ) -> None:
        """Replaces what is special to data roots, pools and projects."""
        for id_ in ids:
            self.roots.pop(id_, None)
            self.open_pools.discard(id_)
            self.imports_off.discard(id_)
        self.roots.update(roots)
        self.open_pools.update(open_pools)
        self.imports_off.update(imports_off)

    def put_acls(
        self, ids: Iterable[NodeId], found: Mapping[NodeId, dict[PrincipalId, Mask]]
    ) -> None:
        """Replaces some access lists; those that were not found are empty."""
        for id_ in ids:
            for principal in self.acls.pop(id_, ()):
                self._governed[principal].discard(id_)
        for id_, acl in found.items():
            self.acls[id_] = acl
            for principal in acl:
                self._governed.setdefault(principal, set()).add(id_)

    def put_accounts(self, found: Mapping[AccountId, Account]) -> None:
        """Replaces some accounts, which are never removed."""
        self.accounts.update(found)
        for account in found:
            self._principals.pop(account, None)

    def put_teams(
        self, ids: Iterable[AccountId], found: Mapping[AccountId, frozenset[TeamId]]
    ) -> None:
        """Replaces the teams of some accounts; those that were not found are in none."""
        for account in ids:
            self.teams.pop(account, None)
            self._principals.pop(account, None)
        self.teams.update(found)
        for account in found:
            self._principals.pop(account, None)

    def put_bindings(
        self, ids: Iterable[NodeId], found: Mapping[NodeId, Mapping[NodeId, Mode]]
    ) -> None:
        """Replaces what is bound to some projects."""
        for project in ids:
            self.bindings.pop(project, None)
        self.bindings.update(found)
