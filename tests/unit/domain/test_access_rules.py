"""Who may do what: the rules by their numbers in the permissions document, without a database."""

import pytest

from broker.domain.access import ABSENT, READS, Action, Via, decide, mask, rights, sees
from broker.domain.access.compound import leaves_nobody
from broker.domain.access.decision import Resource
from broker.protocol.ids import HostId, PrincipalId
from broker.protocol.nodes import Isolation, Kind, Role
from tests.support.worlds import Batch, Worlds

A, R = Action, Role
ANYBODY = ["plain", "submit_all", "admin", "submitter", "app_admin"]


@pytest.fixture
def w() -> Worlds:
    """One account of each sort, and somebody else's batch of the app."""
    w = Worlds()
    w.account("submit_all", R.SUBMIT_ALL)
    w.account("admin", R.MANAGER)
    for name in ("plain", "submitter", "app_admin", "bob"):
        w.account(name)
    w.node("app", Kind.APP, "root", registered=R.READER)
    w.give("app", submitter=R.SUBMITTER, app_admin=R.APP_ADMIN)
    w.node("other_app", Kind.APP, "root", registered=R.READER)
    w.hosts = {"host": HostId(5)}
    w.batches = {
        "bobs": Batch("ws-bob", "bob", "app"),
        "bobs_other": Batch("ws-bob", "bob", "other_app"),
        "bobs_secret": Batch("ws-bob", "bob", "app", Isolation.STRICT_PERSONAL),
    }
    return w


def may(w: Worlds, who: str, action: Action, what: Resource | str) -> bool:
    resource = w.what(what) if isinstance(what, str) else what
    return decide(w.who(who), action, resource).allowed


def who_may(w: Worlds, action: Action, what: Resource | str) -> set[str]:
    return {who for who in ANYBODY if may(w, who, action, what)}


@pytest.mark.parametrize("who", ANYBODY)
def test_rule_B1_every_account_may_volunteer_hosts(w: Worlds, who: str) -> None:
    assert may(w, who, A.HOST_ENROLL_TOKEN, w.world.deployment())
    own = w.world.host(w.who(who).account_id)
    assert may(w, who, A.HOST_ADMINISTER, own)


@pytest.mark.parametrize("action", [A.HOST_VIEW, A.HOST_ADMINISTER])
def test_only_owner_and_admins_see_and_switch_a_host(w: Worlds, action: Action) -> None:
    assert who_may(w, action, w.world.host(w.who("bob").account_id)) == {"admin"}
    assert who_may(w, action, w.world.host(None)) == {"admin"}


@pytest.mark.parametrize("action", [A.BATCH_VIEW, A.BATCH_OUTPUT])
def test_rules_B4_H7_nobody_sees_results_of_others(w: Worlds, action: Action) -> None:
    assert who_may(w, action, "bobs") == {"admin", "app_admin"}
    assert not sees(w.who("submitter"), w.what("bobs"))
    assert may(w, "bob", action, "bobs")


@pytest.mark.parametrize(
    ("action", "what"),
    [
        (A.APP_RUN_PUBLISHED, "app"),
        (A.APP_CREATE, "root"),
        (A.APP_DEPRECATE, "app"),
        (A.VERSION_CREATE, "app"),
        (A.VERSION_DEPRECATE, "app"),
        (A.BATCH_TERMINATE, "bobs"),
        (A.PRIVILEGES_GRANT, "root"),
        (A.SHARE, "app"),
    ],
)
def test_rule_B5_an_account_without_privileges_does_no_guarded_thing(
    w: Worlds, action: Action, what: str
) -> None:
    assert not may(w, "plain", action, what)


def test_rule_B6_submit_all_apps_covers_apps_added_later(w: Worlds) -> None:
    w.node("later", Kind.APP, "root")
    assert may(w, "submit_all", A.APP_RUN_PUBLISHED, "later")


def test_rule_B7_admin_all_apps_may_whatever_an_app_admin_may(w: Worlds) -> None:
    w.node("later", Kind.APP, "root")
    held = rights(w.who("app_admin"), w.what("app"))
    assert held <= rights(w.who("admin"), w.what("later"))


def test_rules_B8_B16_only_an_admin_gives_global_privileges(w: Worlds) -> None:
    for account in ("bob", "plain", "admin"):
        what = w.world.account(w.who(account).account_id or 0)  # type: ignore[arg-type]
        assert who_may(w, A.PRIVILEGES_GRANT, what) == {"admin"}


def test_rule_B9_only_admins_create_and_deprecate_apps_of_the_deployment(w: Worlds) -> None:
    assert who_may(w, A.APP_CREATE, "root") == {"admin"}
    assert who_may(w, A.APP_DEPRECATE, "app") == {"admin"}


def test_rule_B10_only_an_admin_sets_quotas_also_the_own_one(w: Worlds) -> None:
    plain = w.who("plain").account_id
    assert plain
    assert who_may(w, A.QUOTA_SET, w.world.account(plain)) == {"admin"}
    assert who_may(w, A.QUOTA_VIEW, w.world.account(plain)) == {"plain", "admin"}


def test_rule_B11_submit_on_an_app_is_for_that_app_only(w: Worlds) -> None:
    allowed = {"submitter", "app_admin", "submit_all", "admin"}
    assert who_may(w, A.APP_RUN_PUBLISHED, "app") == allowed
    assert who_may(w, A.APP_RUN_PUBLISHED, "other_app") == {"submit_all", "admin"}


@pytest.mark.parametrize("action", [A.VERSION_CREATE, A.VERSION_DEPRECATE, A.SHARE])
def test_rules_B12_B13_an_app_admin_keeps_versions_and_rights_of_that_app_only(
    w: Worlds, action: Action
) -> None:
    assert who_may(w, action, "app") == {"app_admin", "admin"}
    assert who_may(w, action, "other_app") == {"admin"}


@pytest.mark.parametrize("action", [A.BATCH_TERMINATE, A.BATCH_OUTPUT])
def test_rules_B14_B15_an_app_admin_ends_jobs_and_sees_outputs_of_that_app_only(
    w: Worlds, action: Action
) -> None:
    assert who_may(w, action, "bobs") == {"app_admin", "admin"}
    assert who_may(w, action, "bobs_other") == {"admin"}


def test_rule_H10_a_strictly_personal_batch_is_hidden_from_all_admins(w: Worlds) -> None:
    assert who_may(w, A.BATCH_VIEW, "bobs_secret") == set()
    assert may(w, "bob", A.BATCH_VIEW, "bobs_secret")
    w.give("app", bob=R.APP_ADMIN)
    assert may(w, "bob", A.BATCH_VIEW, "bobs_secret")


def test_rule_B4_whoever_sees_an_app_does_not_see_what_others_ran_with_it(w: Worlds) -> None:
    w.node("project", Kind.PROJECT, "root", plain=R.OWNER)
    w.node("mine", Kind.APP, "project", by="plain")
    w.batches["bobs_run"] = Batch("ws-bob", "bob", "mine")
    assert may(w, "plain", A.APP_EDIT, "mine")
    assert not may(w, "plain", A.BATCH_VIEW, "bobs_run")


def test_rule_Y10_a_local_list_replaces_what_is_inherited_but_not_global_rights(
    w: Worlds,
) -> None:
    w.node("project", Kind.PROJECT, "root", plain=R.OWNER)
    w.node("private", Kind.FOLDER, "project", by="plain", bob=R.READER)
    assert not may(w, "plain", A.FOLDER_VIEW, "private"), "having made it gives nothing"
    assert may(w, "bob", A.FOLDER_VIEW, "private")
    assert may(w, "admin", A.FOLDER_EDIT, "private")


@pytest.mark.parametrize("action", Action)
def test_the_anonymous_read_what_everyone_may_and_do_nothing(w: Worlds, action: Action) -> None:
    w.node("public", Kind.PROJECT, "root", everyone=R.OWNER)  # worse than any list may be
    held = rights(w.who("anonymous"), w.what("public"))
    assert may(w, "anonymous", action, "public") == (action in held and action in READS)
    assert not may(w, "anonymous", action, "root")
    assert not may(w, "anonymous", action, "bobs")


@pytest.mark.parametrize("action", Action)
def test_a_host_works_its_own_leases_and_nothing_else(w: Worlds, action: Action) -> None:
    assert may(w, "host", action, w.world.lease(HostId(5))) == (action is A.LEASE_WORK)
    assert not may(w, "host", action, w.world.lease(HostId(6)))
    for what in ("root", "bobs", "app"):
        assert not may(w, "host", action, what)
    for who in ANYBODY:
        assert not may(w, who, A.LEASE_WORK, w.world.lease(HostId(5)))


@pytest.mark.parametrize("who", [*ANYBODY, "bob"])
def test_nobody_does_anything_to_what_is_trashed_or_absent(w: Worlds, who: str) -> None:
    w.node("folder", Kind.FOLDER, "ws-bob", by="bob")
    w.trash("folder")
    for action in Action:
        assert not may(w, who, action, "folder")
        assert not may(w, who, action, ABSENT)
    assert not sees(w.who(who), w.what("folder"))


def test_who_may_act_may_also_look(w: Worlds) -> None:
    """Otherwise an allowed caller could be told that the object does not exist."""
    w.node("project", Kind.PROJECT, "root", plain=R.EXECUTOR, submitter=R.OWNER)
    w.batches["theirs"] = Batch("project", "plain", "app")
    for who in ANYBODY:
        for kind, thing in [
            ("batch", "bobs"),
            ("batch", "theirs"),
            ("app", "app"),
            ("project", "project"),
        ]:
            acts = [a for a in Action if a.startswith(f"{kind}.") and may(w, who, a, thing)]
            assert not acts or sees(w.who(who), w.what(thing)), (who, thing)


def test_a_decision_names_its_grounds(w: Worlds) -> None:
    w.give("app", submit_all=R.SUBMITTER)
    decision = decide(w.who("submit_all"), A.APP_RUN_PUBLISHED, w.what("app"))
    assert [ground.via for ground in decision.grounds] == [Via.GLOBAL, Via.ACL]
    decision = decide(w.who("app_admin"), A.BATCH_OUTPUT, w.what("bobs"))
    assert [ground.via for ground in decision.grounds] == [Via.APP]
    assert decide(w.who("plain"), A.BATCH_OUTPUT, w.what("bobs")).grounds == ()


def test_a_list_leaves_nobody_only_without_its_last_holder_of_share() -> None:
    ann, lab = PrincipalId(3), PrincipalId(4)
    owner, reader = mask([R.OWNER]), mask([R.READER])
    assert leaves_nobody({lab: owner, ann: reader}, lab)
    assert not leaves_nobody({lab: owner, ann: owner}, lab)
    assert not leaves_nobody({lab: reader, ann: owner}, lab)
    assert not leaves_nobody({lab: reader}, lab)  # nobody held it before either
    assert not leaves_nobody({}, lab)


@pytest.mark.parametrize("action", Action)
def test_rule_H10_an_opened_batch_can_be_read_by_its_opener_and_nothing_else(
    w: Worlds, action: Action
) -> None:
    opened = w.what("bobs_secret")._replace(opened=True)
    reads = action in {A.BATCH_VIEW, A.BATCH_OUTPUT}
    assert who_may(w, action, opened) == ({"admin"} if reads else set())
    assert who_may(w, action, "bobs_secret") == set()
