"""Whose batches a list walks."""

import pytest

from broker.domain.access import Action, AppRights, Principal
from broker.protocol.ids import AccountId, AppId
from broker.services.batches import scope
from broker.services.identity import Actor
from broker.storage.batches import Scope

ANN, BOB, APP, OTHER = AccountId(1), AccountId(2), AppId(1), AppId(2)
SCIENTIST = Principal(account_id=ANN)
KEEPER = Principal(account_id=ANN, apps={APP: AppRights(admin=True), OTHER: AppRights(submit=True)})
ADMIN = Principal(account_id=ANN, admin_all_apps=True)


@pytest.mark.parametrize(
    ("who", "app", "account", "expected"),
    [
        (SCIENTIST, None, None, Scope(accounts=[ANN], apps=[])),
        (SCIENTIST, APP, None, Scope(accounts=[ANN], apps=[])),
        (SCIENTIST, None, BOB, Scope(accounts=[], apps=[])),
        (KEEPER, None, None, Scope(accounts=[ANN], apps=[APP])),
        (KEEPER, OTHER, None, Scope(accounts=[ANN], apps=[])),
        (KEEPER, APP, BOB, Scope(accounts=[], apps=[APP])),
        (ADMIN, None, None, Scope(everything=True)),
        (ADMIN, APP, None, Scope(apps=[APP])),
        (ADMIN, APP, BOB, Scope(accounts=[BOB])),
    ],
)
def test_scope_is_what_may_be_viewed_narrowed_by_the_filters(
    who: Principal, app: AppId | None, account: AccountId | None, expected: Scope
) -> None:
    assert scope(Actor(who, Action.BATCH_LIST), app, account) == expected
