"""What takes more than one decision: submitting, granting, replacing a list, moving, importing.

Each function returns what stands in the way, one refusal for each demand that is not met; an empty
tuple means yes. A refusal names the part of the request that it is about and the rule in words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from broker.domain.access.actions import Action
from broker.domain.access.decision import Acl, Principal, Resource, decide, rights, sees
from broker.domain.access.roles import (
    EVERYONE_MAX,
    GRANTABLE,
    REGISTERED_MAX,
    covers,
    rights_of,
    roles_in,
)
from broker.protocol.ids import HostId, NodeId, PrincipalId
from broker.protocol.nodes import EVERYONE, REGISTERED, Kind, Mode, Role

# What creating a node of a kind asks of the node that it will lie in.
CREATE_OF: Final[dict[Kind, Action]] = {
    Kind.FOLDER: Action.FOLDER_CREATE,
    Kind.FILE: Action.FILE_UPLOAD,
    Kind.TABLE: Action.TABLE_CREATE,
    Kind.APP: Action.APP_CREATE,
    Kind.BATCH: Action.PROJECT_RUN,
}
POOL_NOT_BOUND: Final = "the pool is not bound to the project"
NEEDED_OF: Final = {Mode.READ: Action.DATA_READ, Mode.WRITE: Action.DATA_WRITE}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A demand that is not met.

    Args:
        pointer: JSON pointer of the field that it is about; empty for the whole request.
        rule: the demand, in words.
        unseen: the caller may not learn that the thing exists.
        impossible: nobody could do it, whatever they hold.
    """

    pointer: str
    rule: str
    unseen: bool = False
    impossible: bool = False


@dataclass(frozen=True, slots=True)
class RootUse:
    """A data root that a submission wants to use.

    Args:
        wanted: how.
        bound: how the project may use it; None when it is not bound to the project.
        public: its files belong to no lab, so they may be mixed with any lab's.
    """

    node_id: NodeId
    root: Resource
    wanted: Mode
    bound: Mode | None
    uid: int
    gid: int
    public: bool
    pointer: str = "/data_roots"


@dataclass(frozen=True, slots=True)
class Order:
    """A submission as far as rights go.

    Args:
        takes_jobs: app and version are published and not deprecated.
        pool_bound: the pool is open to all projects, or bound to this one.
    """

    app: Resource
    takes_jobs: bool
    project: Resource
    pool_bound: bool = True
    roots: Sequence[RootUse] = ()


def submit(who: Principal, order: Order) -> tuple[Refusal, ...]:
    """Submitting is a conjunction: app, project, every data root, one uid and gid, the pool."""
    found: list[Refusal] = []
    if not decide(who, Action.APP_RUN_PUBLISHED, order.app).allowed:
        unseen = not sees(who, order.app)
        found.append(Refusal("/app", "you may not submit to this app", unseen))
    elif not order.takes_jobs:
        found.append(Refusal("/app", "the app takes no new jobs"))
    if not decide(who, Action.PROJECT_RUN, order.project).allowed:
        unseen = not sees(who, order.project)
        found.append(Refusal("/project", "you may not run anything in this project", unseen))
    if not order.pool_bound:
        found.append(Refusal("/pool", POOL_NOT_BOUND))
    return (*found, *use_roots(who, order.roots))


def use_roots(who: Principal, uses: Sequence[RootUse]) -> tuple[Refusal, ...]:
    """Every data root bound to the project and usable in the wanted mode; one uid and gid (C5)."""
    found = [refusal for use in uses for refusal in _root(who, use)]
    private = [use for use in uses if not use.public]
    other = next((u for u in private if (u.uid, u.gid) != (private[0].uid, private[0].gid)), None)
    if other:
        rule = "private data roots of one submission must share one uid and gid"
        found.append(Refusal(other.pointer, rule))
    return tuple(found)


def _root(who: Principal, use: RootUse) -> list[Refusal]:
    if not decide(who, NEEDED_OF[use.wanted], use.root).allowed:
        rule = f"you may not {use.wanted} the data root"
        return [Refusal(use.pointer, rule, unseen=not sees(who, use.root))]
    if use.bound is None:
        return [Refusal(use.pointer, "the data root is not bound to the project")]
    if use.wanted is Mode.WRITE and use.bound is not Mode.WRITE:
        return [Refusal(use.pointer, "the data root is bound to the project for reading only")]
    return []


def import_from(
    who: Principal, root: Resource, *, root_enabled: bool, project_enabled: bool
) -> tuple[Refusal, ...]:
    """Import is a right of its own, and can be off for the user, the project or the root (C4)."""
    if not decide(who, Action.DATA_IMPORT, root).allowed:
        return (Refusal("/root", "you may not import from here", not sees(who, root)),)
    if decide(who, Action.DATA_EDIT, root).allowed:
        return ()  # an admin imports for others while it is off for them
    switches = {
        "for this account": who.import_enabled,
        "for the project": project_enabled,
        "from this data root": root_enabled,
    }
    return tuple(
        Refusal("", f"import is switched off {where}") for where, on in switches.items() if not on
    )


def grant(
    who: Principal, node: Resource, role: Role, to: PrincipalId, pointer: str = "/role"
) -> tuple[Refusal, ...]:
    """The subset rule: nobody gives more than they hold on the node, and groups get little."""
    if not decide(who, Action.SHARE, node).allowed:
        return (Refusal("", "sharing needs `share` on it", unseen=not sees(who, node)),)
    if rule := _ungrantable(node, role, to):
        return (Refusal(pointer, rule, impossible=True),)
    if not covers(rights(who, node), role):
        return (Refusal(pointer, f"{role} contains rights that you do not hold here"),)
    return ()


def _ungrantable(node: Resource, role: Role, to: PrincipalId) -> str | None:
    """Why nobody gives a role to somebody on a node; None when that can be."""
    on_deployment = node.kind is Kind.DEPLOYMENT
    if role not in GRANTABLE or (role is Role.MEMBER and not on_deployment):
        return f"{role} is not given by an access list"
    if to == EVERYONE and role not in EVERYONE_MAX:
        return "everyone may at most view: reader"
    if to == REGISTERED and role not in REGISTERED_MAX and role is not Role.MEMBER:
        return "registered users may at most download or submit: reader, downloader, submitter"
    return None


def replace(who: Principal, node: Resource, entries: Acl) -> tuple[Refusal, ...]:
    """Replacing an access list: every new entry is a grant, and the caller keeps `share`.

    What only managers share (nobody's list gives it) may stay so.

    Args:
        node: with the list that governs it now; the caller has checked that the new one may become
            its own, and the etag.
        entries: the whole new list, in the order of the request.
    """
    found = [
        refusal
        for position, (principal, roles) in enumerate(entries.items())
        for role in roles_in(roles & ~node.acl.get(principal, 0))
        for refusal in grant(who, node, role, principal, f"/entries/{position}/roles")
    ]
    if found:
        return tuple(found)
    if not decide(who, Action.SHARE, node).allowed:
        return (Refusal("", "sharing needs `share` on it", unseen=not sees(who, node)),)
    if shared_by_somebody(node.acl) and not shared_by_somebody(entries):
        return (Refusal("/entries", "nobody would hold `share`", impossible=True),)
    if not decide(who, Action.SHARE, node._replace(acl=entries)).allowed:
        return (Refusal("/entries", "you would lose `share` yourself", impossible=True),)
    return ()


def shared_by_somebody(entries: Acl) -> bool:
    """Whether an access list gives anybody `share`."""
    return any(Action.SHARE in rights_of(roles) for roles in entries.values())


def leaves_nobody(entries: Acl, gone: PrincipalId) -> bool:
    """Whether a list that gives `share` would give it to nobody without one of its principals."""
    without = {who: roles for who, roles in entries.items() if who != gone}
    return shared_by_somebody(entries) and not shared_by_somebody(without)


def move(who: Principal, node: Resource, source: Resource, target: Resource) -> tuple[Refusal, ...]:
    """Rights at both ends: `move` on the node and where it is, creating where it goes."""
    for each in (node, source):
        if not decide(who, Action.MOVE, each).allowed:
            return (Refusal("", "moving needs `move` on it and where it is", not sees(who, each)),)
    if not decide(who, CREATE_OF[node.kind], target).allowed:
        rule = f"moving needs `{CREATE_OF[node.kind]}` where it goes"
        return (Refusal("/parent", rule, unseen=not sees(who, target)),)
    return ()


def report(who: Principal, holder: HostId | None, epoch: int, shown: int) -> tuple[Refusal, ...]:
    """A host speaks of the lease that it holds, at the epoch at which it holds it."""
    lease = Resource(Kind.LEASE, host_id=holder)
    if not decide(who, Action.LEASE_WORK, lease).allowed:
        return (Refusal("", "only the host that holds the lease may report it"),)
    return () if epoch == shown else (Refusal("/epoch", "another lease came after this one"),)


def request(who: Principal, holder: HostId | None) -> tuple[Refusal, ...]:
    """A host may ask for a job that nobody holds."""
    if who.host_id is None:
        return (Refusal("", "only a host asks for work"),)
    return () if holder is None else (Refusal("", "another host holds the job"),)
