"""Which batches a list walks."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from broker.domain.access import Action
from broker.protocol.ids import AccountId, AppId
from broker.protocol.nodes import Kind, Role
from broker.services.jobs.batches import scope
from broker.services.requests.access import Access
from broker.services.requests.actor import Actor
from broker.storage.batches import Scope
from tests.support.worlds import Worlds

BOTH = ["app", "other"]


def world() -> Worlds:
    w = Worlds()
    for name in ("ann", "bob", "keeper"):
        w.account(name)
    w.account("admin", Role.MANAGER)
    w.node("project", Kind.PROJECT, "root", ann=Role.READER)
    w.node("folder", Kind.FOLDER, "project")
    w.node("private", Kind.FOLDER, "project", bob=Role.OWNER)
    w.node("gone", Kind.FOLDER, "project")
    w.trash("gone")
    w.node("app", Kind.APP, "root", registered=Role.READER)
    w.node("other", Kind.APP, "root", registered=Role.READER)
    w.give("app", keeper=Role.APP_ADMIN)
    w.give("other", keeper=Role.SUBMITTER)
    return w


@pytest.mark.parametrize(
    ("who", "app", "account", "expected"),
    [
        ("ann", None, None, {"nodes": ["ws-ann", "project", "folder"], "shared_apps": BOTH}),
        ("bob", None, None, {"nodes": ["ws-bob", "private"], "shared_apps": BOTH}),
        ("keeper", None, None, {"nodes": ["ws-keeper"], "apps": ["app"], "shared_apps": BOTH}),
        ("keeper", "other", None, {"nodes": ["ws-keeper"], "shared_apps": ["other"]}),
        (
            "keeper",
            "app",
            "bob",
            {"nodes": ["ws-keeper"], "apps": ["app"], "shared_apps": ["app"]},
        ),
        ("admin", None, None, {"nodes": ["ws-admin"], "everything": True}),
        ("admin", "app", None, {"nodes": ["ws-admin"], "apps": ["app"]}),
        ("admin", "app", "bob", {"nodes": ["ws-admin"], "accounts": ["bob"]}),
    ],
)
def test_scope_is_what_may_be_viewed_narrowed_by_the_filters(
    who: str, app: str | None, account: str | None, expected: dict[str, Any]
) -> None:
    w = world()
    access = cast(Access, SimpleNamespace(world=w.world))
    actor = Actor(w.who(who), Action.BATCH_LIST, access)
    found = scope(
        actor, AppId(w.ids[app]) if app else None, AccountId(w.ids[account]) if account else None
    )
    names = {number: name for name, number in w.ids.items()}
    shown = {
        field: {names[each] for each in getattr(found, field)}
        for field in ("nodes", "apps", "shared_apps", "accounts")
    }
    assert shown == {field: set(expected.get(field, ())) for field in shown}
    assert found == Scope(
        w.who(who).account_id,
        expected.get("everything", False),
        found.nodes,
        found.apps,
        found.shared_apps,
        found.accounts,
    )
