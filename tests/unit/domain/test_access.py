"""Who may do what: BOINC's rules, each by its number in the permissions document."""

from itertools import product

import pytest

from broker.domain.access import (
    TABLE,
    VIEW_OF,
    Action,
    AppRights,
    Ground,
    Principal,
    Resource,
    decide,
    grounds_of,
    sees,
)
from broker.protocol.ids import AccountId, AppId, HostId

A = Action
ALICE, BOB = AccountId(1), AccountId(2)
APP, OTHER_APP, LATER_APP = AppId(10), AppId(11), AppId(99)

NOBODY = Principal()
PLAIN = Principal(account_id=ALICE)
SUBMIT_ALL = Principal(account_id=ALICE, submit_all_apps=True)
ADMIN_ALL = Principal(account_id=ALICE, admin_all_apps=True)
SUBMITTER = Principal(account_id=ALICE, apps={APP: AppRights(submit=True)})
APP_ADMIN = Principal(account_id=ALICE, apps={APP: AppRights(admin=True)})
HOST = Principal(host_id=HostId(5))
ACCOUNTS = [PLAIN, SUBMIT_ALL, ADMIN_ALL, SUBMITTER, APP_ADMIN]

BOBS_BATCH = Resource(owner_id=BOB, app_id=APP)
OWN_BATCH = Resource(owner_id=ALICE, app_id=APP)


def may(who: Principal, action: Action, what: Resource) -> bool:
    return decide(who, action, what).allowed


@pytest.mark.parametrize("who", ACCOUNTS)
def test_rule_B1_every_account_may_volunteer_hosts(who: Principal) -> None:
    assert may(who, A.HOST_ENROLL_TOKEN, Resource())
    assert may(who, A.HOST_ADMINISTER, Resource(owner_id=ALICE))


def test_rule_B1_only_owner_and_admins_see_and_switch_a_host() -> None:
    theirs = Resource(owner_id=BOB)
    for action in (A.HOST_VIEW, A.HOST_ADMINISTER):
        assert [may(who, action, theirs) for who in ACCOUNTS] == [False, False, True, False, False]


@pytest.mark.parametrize("action", [A.BATCH_VIEW, A.BATCH_OUTPUT])
@pytest.mark.parametrize("who", [PLAIN, SUBMIT_ALL, SUBMITTER])
def test_rule_B4_nobody_sees_results_of_others(who: Principal, action: Action) -> None:
    assert not may(who, action, BOBS_BATCH)
    assert not sees(who, action, BOBS_BATCH)
    assert may(who, action, OWN_BATCH)


@pytest.mark.parametrize(
    ("action", "what"),
    [
        (A.BATCH_SUBMIT, Resource(app_id=APP)),
        (A.APP_CREATE, Resource()),
        (A.APP_DEPRECATE, Resource(app_id=APP)),
        (A.VERSION_CREATE, Resource(app_id=APP)),
        (A.VERSION_DEPRECATE, Resource(app_id=APP)),
        (A.BATCH_TERMINATE, BOBS_BATCH),
        (A.PRIVILEGES_GRANT, Resource(account_id=ALICE)),
        (A.APP_PRIVILEGES_GRANT, Resource(app_id=APP)),
    ],
)
def test_rule_B5_an_account_without_privileges_does_no_guarded_thing(
    action: Action, what: Resource
) -> None:
    assert not may(PLAIN, action, what)


def test_rule_B6_submit_all_apps_covers_apps_added_later() -> None:
    assert may(SUBMIT_ALL, A.BATCH_SUBMIT, Resource(app_id=LATER_APP))


@pytest.mark.parametrize(
    "action", [action for action, grounds in TABLE.items() if Ground.APP_ADMIN in grounds]
)
def test_rule_B7_admin_all_apps_may_whatever_an_app_admin_may(action: Action) -> None:
    assert may(ADMIN_ALL, action, Resource(owner_id=BOB, app_id=LATER_APP))


def test_rule_B8_admin_all_apps_grants_and_revokes_anyones_privileges() -> None:
    assert may(ADMIN_ALL, A.PRIVILEGES_GRANT, Resource(account_id=BOB))
    assert may(ADMIN_ALL, A.APP_PRIVILEGES_GRANT, Resource(app_id=OTHER_APP))


def test_rule_B9_admin_all_apps_creates_and_deprecates_apps_and_no_other_does() -> None:
    for action in (A.APP_CREATE, A.APP_DEPRECATE):
        allowed = [may(who, action, Resource(app_id=APP)) for who in ACCOUNTS]
        assert allowed == [False, False, True, False, False]


def test_rule_B10_only_admin_all_apps_sets_quotas_also_the_own_one() -> None:
    for account in (ALICE, BOB):
        allowed = [may(who, A.QUOTA_SET, Resource(account_id=account)) for who in ACCOUNTS]
        assert allowed == [False, False, True, False, False]


def test_rule_B11_submit_on_an_app_is_for_that_app_only() -> None:
    assert may(SUBMITTER, A.BATCH_SUBMIT, Resource(app_id=APP))
    assert not may(SUBMITTER, A.BATCH_SUBMIT, Resource(app_id=OTHER_APP))


@pytest.mark.parametrize("action", [A.VERSION_CREATE, A.VERSION_DEPRECATE])
def test_rule_B12_app_admin_manages_versions_of_that_app_only(action: Action) -> None:
    assert may(APP_ADMIN, action, Resource(app_id=APP))
    assert not may(APP_ADMIN, action, Resource(app_id=OTHER_APP))


@pytest.mark.parametrize("action", [A.APP_PRIVILEGES_VIEW, A.APP_PRIVILEGES_GRANT])
def test_rule_B13_app_admin_grants_on_that_app_only(action: Action) -> None:
    assert may(APP_ADMIN, action, Resource(app_id=APP))
    assert not may(APP_ADMIN, action, Resource(app_id=OTHER_APP))


def test_rule_B14_app_admin_aborts_any_job_of_that_app_only() -> None:
    assert may(APP_ADMIN, A.BATCH_TERMINATE, BOBS_BATCH)
    assert not may(APP_ADMIN, A.BATCH_TERMINATE, Resource(owner_id=BOB, app_id=OTHER_APP))


def test_rule_B15_app_admin_views_outputs_of_any_job_of_that_app_only() -> None:
    assert may(APP_ADMIN, A.BATCH_OUTPUT, BOBS_BATCH)
    assert not may(APP_ADMIN, A.BATCH_OUTPUT, Resource(owner_id=BOB, app_id=OTHER_APP))


def test_rule_B16_global_privileges_are_given_only_by_an_admin() -> None:
    own_and_other = (Resource(account_id=ALICE), Resource(account_id=BOB))
    for what in own_and_other:
        allowed = [may(who, A.PRIVILEGES_GRANT, what) for who in ACCOUNTS]
        assert allowed == [False, False, True, False, False]


def test_admin_alone_does_not_submit() -> None:
    assert not may(ADMIN_ALL, A.BATCH_SUBMIT, Resource(app_id=APP))
    assert not may(APP_ADMIN, A.BATCH_SUBMIT, Resource(app_id=APP))


@pytest.mark.parametrize("action", Action)
def test_nobody_may_nothing(action: Action) -> None:
    for what in (Resource(), BOBS_BATCH, Resource(host_id=HostId(5), account_id=ALICE)):
        assert not may(NOBODY, action, what)


@pytest.mark.parametrize("action", Action)
def test_a_host_works_its_own_leases_and_nothing_else(action: Action) -> None:
    own = Resource(host_id=HostId(5), account_id=ALICE, owner_id=ALICE, app_id=APP)
    other = Resource(host_id=HostId(6))
    assert may(HOST, action, own) == (action is A.LEASE_WORK)
    assert not may(HOST, action, other)
    assert not may(HOST, action, Resource())


@pytest.mark.parametrize("who", ACCOUNTS)
def test_no_account_acts_as_a_host(who: Principal) -> None:
    assert not may(who, A.LEASE_WORK, Resource(host_id=HostId(5), owner_id=ALICE))


def test_every_action_has_a_row_with_grounds() -> None:
    assert set(TABLE) == set(Action)
    assert all(TABLE.values())


def test_unknown_owner_is_nobody() -> None:
    """An absent object has no owner; a caller without an account is not its owner."""
    assert Ground.OWNER not in grounds_of(PLAIN, Resource(owner_id=None))
    assert Ground.SELF not in grounds_of(NOBODY, Resource(account_id=None))


def test_who_may_act_may_also_look() -> None:
    """Otherwise an allowed caller could be told that the object does not exist."""
    resources = [BOBS_BATCH, OWN_BATCH, Resource(owner_id=ALICE), Resource(owner_id=BOB)]
    for action, who, what in product(VIEW_OF, ACCOUNTS, resources):
        if may(who, action, what):
            assert sees(who, action, what)


def test_a_decision_names_its_grounds() -> None:
    both = Principal(account_id=ALICE, submit_all_apps=True, apps={APP: AppRights(submit=True)})
    decision = decide(both, A.BATCH_SUBMIT, Resource(app_id=APP))
    assert set(decision.grounds) == {Ground.SUBMIT_ALL, Ground.APP_SUBMIT}
