"""Worlds of rights, made in memory by name: for tests of the policy without a database."""

from dataclasses import dataclass, field

from broker.domain.access import Node, Principal, Resource, World, mask
from broker.domain.access.world import Account, DataRoot
from broker.protocol.ids import AccountId, AppId, HostId, NodeId, PrincipalId, TeamId
from broker.protocol.nodes import DEPLOYMENT, EVERYONE, REGISTERED, Isolation, Kind, Mode, Role
from broker.protocol.states import AccountState

IN_PROJECTS = frozenset({Kind.PROJECT, Kind.WORKSPACE, Kind.FOLDER})


@dataclass
class Batch:
    """A batch: what governs it, who made it, which app it runs."""

    place: str
    by: str
    app: str
    isolation: Isolation = Isolation.PERSONAL


@dataclass
class Worlds:
    """One world, and the ids behind the names that a test uses."""

    world: World = field(default_factory=World)
    ids: dict[str, int] = field(default_factory=dict)
    batches: dict[str, Batch] = field(default_factory=dict)
    hosts: dict[str, HostId] = field(default_factory=dict)
    _next: int = 1

    def __post_init__(self) -> None:
        self.ids |= {"everyone": EVERYONE, "registered": REGISTERED}
        self._put("root", Kind.DEPLOYMENT, None, None)
        self.give("root", registered=Role.MEMBER)

    # -- who --------------------------------------------------------------------------------

    def account(
        self,
        name: str,
        *global_roles: Role,
        state: AccountState = AccountState.ACTIVE,
        import_enabled: bool = True,
    ) -> AccountId:
        """A new account with its workspace, `ws-<name>`."""
        account = AccountId(self._number(name))
        workspace = self.node(f"ws-{name}", Kind.WORKSPACE, "root", by=name, **{name: Role.OWNER})
        facts = Account(name, state, mask(global_roles), import_enabled, workspace)
        self.world.put_accounts({account: facts})
        return account

    def team(self, name: str, *members: str) -> TeamId:
        """A new team."""
        team = TeamId(self._number(name))
        for member in members:
            account = AccountId(self.ids[member])
            teams = self.world.teams.get(account, frozenset()) | {team}
            self.world.put_teams([account], {account: teams})
        return team

    def who(self, name: str) -> Principal:
        """A caller: an account, a host, or `anonymous`."""
        if name in self.hosts:
            return Principal(host_id=self.hosts[name], principals=frozenset({EVERYONE}))
        if name not in self.ids:
            return Principal(principals=frozenset({EVERYONE} if name == "anonymous" else ()))
        return self.world.principal(AccountId(self.ids[name]))

    # -- what -------------------------------------------------------------------------------

    def node(
        self, name: str, kind: Kind, parent: str, *, by: str | None = None, **acl: Role
    ) -> NodeId:
        """A new node; with entries, or directly below the root, it governs itself."""
        above = self.world.nodes[NodeId(self.ids[parent])]
        node = self._put(name, kind, parent, by, governs=bool(acl) or above.parent_id is None)
        if acl:
            self.give(name, **acl)
        return node

    def give(self, node: str, **acl: Role) -> None:
        """Adds entries to a node's list."""
        id_ = NodeId(self.ids[node])
        entries = dict(self.world.acls.get(id_, {}))
        for name, role in acl.items():
            principal = PrincipalId(self.ids[name])
            entries[principal] = entries.get(principal, 0) | mask([role])
        self.world.put_acls([id_], {id_: entries})

    def trash(self, node: str) -> None:
        """Puts a node without contents into the trash."""
        id_ = NodeId(self.ids[node])
        self.world.put_nodes([id_], {id_: self.world.nodes[id_]._replace(trashed=True)})

    def data_root(self, name: str, uid: int, *, public: bool = False, **acl: Role) -> None:
        """A new data root."""
        id_ = self.node(name, Kind.DATA_ROOT, "root", **acl)
        self.world.roots[id_] = DataRoot(uid, uid, public, import_enabled=True)

    def bind(self, project: str, **modes: Mode) -> None:
        """What is bound to a project."""
        id_ = NodeId(self.ids[project])
        self.world.put_bindings([id_], {id_: {self.id(n): mode for n, mode in modes.items()}})

    def id(self, name: str) -> NodeId:
        """A node's id."""
        return NodeId(self.ids[name])

    def what(self, name: str) -> Resource:
        """A node or batch as decisions see it."""
        if batch := self.batches.get(name):
            return self.world.batch(
                self.id(batch.place),
                AccountId(self.ids[batch.by]),
                AppId(self.ids[batch.app]),
                batch.isolation,
            )
        return self.world.node(self.id(name))

    def _number(self, name: str) -> int:
        assert name not in self.ids, f"{name} twice"
        self.ids[name] = self._next
        self._next += 1
        return self.ids[name]

    def _put(
        self, name: str, kind: Kind, parent: str | None, by: str | None, *, governs: bool = True
    ) -> NodeId:
        id_ = NodeId(self._number(name))
        above = self.world.nodes[NodeId(self.ids[parent])] if parent else None
        project = id_ if kind in (Kind.PROJECT, Kind.WORKSPACE) else above and above.project_id
        node = Node(
            kind=kind,
            parent_id=NodeId(self.ids[parent]) if parent else None,
            benefactor_id=id_ if governs or above is None else above.benefactor_id,
            project_id=project,
            created_by=AccountId(self.ids[by]) if by else None,
            trashed=False,
            name=name,
        )
        self.world.put_nodes([id_], {id_: node})
        assert id_ == DEPLOYMENT or parent
        return id_
