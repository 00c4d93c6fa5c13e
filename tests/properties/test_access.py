"""Rights, over random worlds: lists equal checks, grants never exceed what was there, and a list of
its own leaves no trace when it is taken away."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.domain.access import (
    GRANTABLE,
    VIEW_OF,
    Action,
    compound,
    decide,
    mask,
    rights,
    rights_of_role,
)
from broker.domain.access.who_can import who_can
from broker.protocol.ids import NodeId, PrincipalId
from broker.protocol.nodes import DEPLOYMENT, EVERYONE, REGISTERED, Kind, Role
from broker.storage import nodes
from broker.storage.database import Database
from tests.oracles.escalation import reach, within, words_of
from tests.storage.test_nodes import WRONG, benefactors, made
from tests.support.worlds import Worlds

ACCOUNTS = ("ann", "bob", "eve", "kim")
TEAMS = ("red", "blue")
LISTED = sorted(GRANTABLE - {Role.MEMBER})
KINDS = (Kind.FOLDER, Kind.TABLE, Kind.APP)
ACTIONS = sorted({view for view in VIEW_OF.values() if view} | {Action.SHARE, Action.FOLDER_DELETE})


@st.composite
def lists(draw: st.DrawFn, roles: Sequence[Role] = LISTED) -> dict[str, Role]:
    """The entries of an access list; groups get little."""
    named = draw(st.dictionaries(st.sampled_from(ACCOUNTS + TEAMS), st.sampled_from(roles)))
    if draw(st.booleans()):
        named["registered"] = draw(st.sampled_from([Role.READER, Role.DOWNLOADER]))
    if draw(st.booleans()):
        named["everyone"] = Role.READER
    return named


@st.composite
def worlds(draw: st.DrawFn) -> Worlds:
    """A few accounts and teams, two projects, and a tree below them: some nodes have lists of their
    own, some lie in the trash."""
    w = Worlds()
    for name in ACCOUNTS:
        role = draw(st.sampled_from([None, None, None, Role.MANAGER, Role.SUBMIT_ALL]))
        w.account(name, *([role] if role else []))
    for team in TEAMS:
        w.team(team, *draw(st.sets(st.sampled_from(ACCOUNTS))))
    places = ["p", "q"]
    for place in places:
        w.node(place, Kind.PROJECT, "root", by=draw(st.sampled_from(ACCOUNTS)), **draw(lists()))
    for number in range(draw(st.integers(0, 6))):
        kind, parent = draw(st.sampled_from(KINDS)), draw(st.sampled_from(places))
        own = draw(lists()) if draw(st.booleans()) else {}
        name = f"{kind}{number}"
        w.node(name, kind, parent, by=draw(st.sampled_from(ACCOUNTS)), **own)
        if kind is Kind.FOLDER:
            places.append(name)
        elif draw(st.booleans()):
            w.trash(name)
    return w


@given(worlds(), st.sampled_from([*ACCOUNTS, "anonymous"]))
def test_rules_T12_Y12_a_list_holds_what_a_check_allows(w: Worlds, name: str) -> None:
    who = w.who(name)
    for kind in (Kind.PROJECT, Kind.WORKSPACE, *KINDS):
        view = VIEW_OF[kind]
        assert view is not None
        checked = {
            id_
            for id_, node in w.world.nodes.items()
            if node.kind is kind and decide(who, view, w.world.node(id_)).allowed
        }
        visible = w.world.visible(who, view)
        listed = set(w.world.inheriting(visible.benefactors, frozenset({kind})))
        if visible.everything:
            listed = {id_ for id_, n in w.world.nodes.items() if n.kind is kind and not n.trashed}
        assert listed == checked


@given(worlds(), st.sampled_from(ACTIONS))
def test_who_can_names_everybody_whom_a_check_allows(w: Worlds, action: Action) -> None:
    for node in w.world.nodes:
        what = w.world.node(node)
        found = who_can(w.world, action, what)
        named = {holder.principal for holder in found}
        open_to_all = not named.isdisjoint({EVERYONE, REGISTERED})
        for account in w.world.accounts:
            allowed = decide(w.world.principal(account), action, what).allowed
            assert allowed == (open_to_all or PrincipalId(account) in named)


@dataclass(frozen=True)
class Step:
    """Somebody tries to change a list: give a role, write a list, override, or restore."""

    who: str
    verb: str
    to: str
    role: Role


# Ann shares from the beginning; what she must not give is drawn often.
STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from(["ann", "ann", *ACCOUNTS]),
        st.sampled_from(["grant", "grant", "grant", "revoke", "override", "private", "restore"]),
        st.sampled_from([*ACCOUNTS, *TEAMS, "registered", "everyone"]),
        st.sampled_from([Role.OWNER, Role.OWNER, *LISTED]),
    ),
    min_size=4,
    max_size=12,
)


def attempt(w: Worlds, node: str, step: Step) -> None:
    """Does as services.sharing does, when the policy has no refusal."""
    world, id_ = w.world, w.id(node)
    row, what, who = world.nodes[id_], world.node(id_), w.who(step.who)
    to = PrincipalId(w.ids[step.to])
    own = row.benefactor_id == id_
    entries = dict(what.acl)
    benefactor = id_
    if step.verb in ("grant", "revoke"):
        if not own:
            return
        entries.pop(to, None)
        if step.verb == "grant":
            entries[to] = mask([step.role])
    elif step.verb == "restore":
        assert row.parent_id is not None
        if not own or row.parent_id == DEPLOYMENT:
            return
        benefactor = world.nodes[row.parent_id].benefactor_id
        entries = dict(world.acls[benefactor])
    elif own:
        return
    elif step.verb == "private":
        entries = {key: held for key, held in entries.items() if key > 0}
    if compound.replace(who, what, entries):
        return
    world.put_nodes([id_], {id_: row._replace(benefactor_id=benefactor)})
    world.put_acls([id_], {id_: entries} if benefactor == id_ else {})


@given(worlds(), st.data())
@settings(max_examples=200)
def test_rules_B13_Y8_no_sequence_of_grants_gives_more_than_was_there(
    w: Worlds, data: st.DataObject
) -> None:
    for account, facts in list(w.world.accounts.items()):  # managers give everything: not here
        w.world.put_accounts({account: facts._replace(global_roles=0)})
    # without an owner, who could give everything anyway
    held_on_p = data.draw(lists([role for role in LISTED if role is not Role.OWNER]))
    w.world.put_acls([w.id("p")], {})
    w.give("p", **{**held_on_p, "ann": Role.APP_ADMIN})
    w.node("folder", Kind.FOLDER, "p", by="ann")
    steps = data.draw(STEPS)
    targets = data.draw(st.lists(st.sampled_from(["p", "folder"]), min_size=12, max_size=12))

    def held(node: str) -> dict[int, frozenset[str]]:
        return {w.ids[name]: rights(w.who(name), w.what(node)) for name in ACCOUNTS}

    bound = reach(held("p")) | reach(held("folder"))
    before = {node: held(node) for node in ("p", "folder")}
    for step, node in zip(steps, targets, strict=False):
        attempt(w, node, step)
    for node, accounts in before.items():
        for name in ACCOUNTS:
            now = rights(w.who(name), w.what(node))
            assert within(now, bound | accounts[w.ids[name]]), (name, node, now - bound)


@given(worlds(), st.sampled_from(ACCOUNTS), st.sampled_from(ACCOUNTS), st.sampled_from(LISTED))
def test_a_grant_gives_nothing_that_the_giver_lacks(
    w: Worlds, giver: str, to: str, role: Role
) -> None:
    for node in w.world.nodes:
        what = w.world.node(node)
        if not compound.grant(w.who(giver), what, role, PrincipalId(w.ids[to])):
            assert within(words_of(role), rights(w.who(giver), what))
            assert decide(w.who(giver), Action.SHARE, what).allowed


@given(
    parents=st.lists(st.integers(0, 30), min_size=1, max_size=30),
    private=st.lists(st.integers(0, 29), max_size=10),
)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_rules_Y2_Y3_restore_after_override_is_the_identity(
    database: Database, parents: list[int], private: list[int]
) -> None:
    async with database.connection() as connection:
        transaction: Any = connection.transaction()
        await transaction.start()
        tree = [await made(connection, Kind.PROJECT, DEPLOYMENT, "project")]
        for number, parent in enumerate(parents):
            place = tree[parent % len(tree)]
            tree.append(await made(connection, Kind.FOLDER, place, f"f{number}"))
        before = await benefactors(connection)
        chosen: list[NodeId] = list(dict.fromkeys(tree[1:][at % len(tree[1:])] for at in private))
        for node in chosen:
            await nodes.restamp(connection, node, node)
            assert await connection.fetch(WRONG) == []
        for node in reversed(chosen):
            row = await nodes.find(connection, node)
            assert row is not None
            assert row.parent_id is not None
            above = await nodes.find(connection, row.parent_id)
            assert above is not None
            await nodes.restamp(connection, node, above.benefactor_id)
            assert await connection.fetch(WRONG) == []
        # whatever the order, nothing is left of the lists
        assert await benefactors(connection) == before
        await transaction.rollback()


def test_the_oracle_knows_that_an_app_admin_cannot_make_an_owner() -> None:
    admin, owner = words_of(Role.APP_ADMIN), words_of(Role.OWNER)
    assert not within(owner, reach({1: admin}))
    assert within(admin, reach({1: admin, 2: words_of(Role.READER)}))
    assert reach({1: words_of(Role.WRITER)}) == words_of(Role.WRITER)


@pytest.mark.parametrize("role", LISTED)
def test_the_oracle_reads_the_table_as_the_policy_does(role: Role) -> None:
    assert words_of(role) == rights_of_role(role)
