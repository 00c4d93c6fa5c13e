"""The decided cases: each line of permissions_examples.csv is asked of the pure functions.

A case reads `USER ACTION OBJECT` or a verb phrase. What it does not name is the project P, its own
app Aw, and import switched on.
"""

import csv
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from broker.domain.access import Action, compound, decide
from broker.domain.access.compound import Order, Refusal, RootUse
from broker.protocol.ids import HostId, PrincipalId
from broker.protocol.nodes import Mode, Role
from tests.support.worlds import Worlds
from tests.unit.domain.permissions_world import DEPRECATED, EPOCHS, LEASES, make

DATA = Path(__file__).parents[2] / "data" / "permissions_examples.csv"
CASES = [(row["case"], row["expect"]) for row in csv.DictReader(DATA.open())]
# Phrases of the cases for which the policy has one word.
WORDS = {
    "override": Action.SHARE,
    "restore_inheritance": Action.SHARE,
    "app.create_global": Action.APP_CREATE,
}
Refusals = tuple[Refusal, ...]


def _simple(w: Worlds, user: str, action: str, thing: str) -> bool:
    asked = WORDS.get(action) or Action(action)
    return decide(w.who(user), asked, w.what(thing)).allowed


def _grant(w: Worlds, user: str, role: str, to: str, node: str) -> Refusals:
    return compound.grant(w.who(user), w.what(node), Role(role), PrincipalId(w.ids[to]))


def _grant_global(w: Worlds, user: str, to: str) -> bool:
    return decide(w.who(user), Action.PRIVILEGES_GRANT, w.what("root")).allowed and to in w.ids


def _replace_acl(w: Worlds, user: str, node: str, how: str) -> Refusals:
    entries = dict(w.what(node).acl)
    if "team" in how:  # only a team that the caller is not in keeps it
        entries = {PrincipalId(w.ids["T_adm"]): entries[PrincipalId(w.ids["T_adm"])]}
    entries.pop(PrincipalId(w.ids[user]), None)
    return compound.replace(w.who(user), w.what(node), entries)


def _submit(w: Worlds, user: str, app: str, project: str, read: str, write: str) -> Refusals:
    project, app = project or "P", app or "Aw"
    uses = [(read, Mode.READ), (write, Mode.WRITE)]
    order = Order(
        app=w.what(app),
        takes_jobs=app not in DEPRECATED,
        project=w.what(project),
        pool_bound=w.world.pool_serves("Pool", w.id(project)),
        roots=[_use(w, root, mode, project) for root, mode in uses if root],
    )
    return compound.submit(w.who(user), order)


def _use(w: Worlds, root: str, wanted: Mode, project: str) -> RootUse:
    facts = w.world.roots[w.id(root)]
    bound = w.world.bound(w.id(project), w.id(root))
    return RootUse(w.id(root), w.what(root), wanted, bound, facts.uid, facts.gid, facts.public)


def _move(w: Worlds, user: str, node: str, target: str) -> Refusals:
    parent = w.world.nodes[w.id(node)].parent_id
    assert parent is not None
    return compound.move(w.who(user), w.what(node), w.world.node(parent), w.what(target))


def _import(w: Worlds, user: str, root: str, off: str) -> Refusals:
    enabled = w.world.roots[w.id(root)].import_enabled
    return compound.import_from(
        w.who(user), w.what(root), root_enabled=enabled, project_enabled=not off
    )


def _report(w: Worlds, user: str, job: str) -> Refusals:
    holder, epoch = LEASES[job]
    host = w.hosts[holder] if holder else None
    return compound.report(w.who(user), host, epoch, EPOCHS.get(user, epoch))


def _request(w: Worlds, user: str, job: str) -> Refusals:
    holder, _ = LEASES[job]
    host: HostId | None = w.hosts[holder] if holder else None
    return compound.request(w.who(user), host)


# The first phrase that fits decides; each group of the pattern is an argument.
PHRASES: list[tuple[str, Callable[..., bool | Refusals]]] = [
    (r"(\w+) grant (\w+) (?:to )?(\w+) on (\w+)", _grant),
    (r"(\w+) grant_global \w+ (\w+)", _grant_global),
    (r"(\w+) replace_acl (\w+) (.+)", _replace_acl),
    (r"(\w+) submit(?: (\w+)->(\w+))?(?: in (\w+))?(?: out (\w+))?", _submit),
    (r"(\w+) move (\w+) to (\w+)", _move),
    (r"(\w+) import from (\w+)( when \w+ import off)?", _import),
    (r"(?:user )?(\w+) report (\w+)", _report),
    (r"(\w+) request (\w+)", _request),
    (r"(\w+) ([\w.]+) (\w+)", _simple),
]


def ask(w: Worlds, case: str) -> bool:
    """What the policy says to a case."""
    text = re.sub(r"\s*\([^)]*\)", "", case)  # remarks for people
    for pattern, question in PHRASES:
        if found := re.fullmatch(pattern, text):
            answer = question(w, *(group or "" for group in found.groups()))
            return answer if isinstance(answer, bool) else not answer
    raise AssertionError(f"nobody understands {case!r}")


@pytest.mark.parametrize(("case", "expect"), CASES, ids=[case for case, _ in CASES])
def test_decided_case(case: str, expect: str) -> None:
    assert ask(make(), case) == (expect == "allow")


def test_all_cases_are_there() -> None:
    assert len(CASES) == 70
    assert {expect for _, expect in CASES} == {"allow", "deny"}
