"""Isolation classes by the pure function: what a stamp shows, to whom, and no more than it says."""

from itertools import pairwise, product

import pytest

from broker.domain.access import READS, Action, decide
from broker.domain.isolation import STRICTEST_LAST, stamp, stricter
from broker.protocol.nodes import Isolation, Kind, Role
from tests.support.worlds import Batch, Worlds

A, I, R = Action, Isolation, Role  # noqa: E741
OF_BATCHES = (A.BATCH_VIEW, A.BATCH_OUTPUT, A.BATCH_TERMINATE, A.BATCH_RERUN, A.BATCH_UNSHARE)


@pytest.fixture
def w() -> Worlds:
    """Ann's batches of each class, of an app that Rd sees and of one that everyone sees."""
    w = Worlds()
    for name in ("ann", "rd", "keeper", "eve"):
        w.account(name)
    w.account("admin", R.MANAGER)
    w.node("app", Kind.APP, "root", rd=R.READER, keeper=R.APP_ADMIN)
    w.node("public", Kind.APP, "root", everyone=R.READER)
    for isolation, app in product(I, ("app", "public")):
        w.batches[f"{isolation}-{app}"] = Batch("ws-ann", "ann", app, isolation)
    return w


def holds(w: Worlds, who: str, batch: str) -> set[Action]:
    return {action for action in OF_BATCHES if decide(w.who(who), action, w.what(batch)).allowed}


@pytest.mark.parametrize(
    ("isolation", "seen"),
    [
        (I.PERSONAL, set()),
        (I.SHARED, {A.BATCH_VIEW, A.BATCH_OUTPUT}),
        (I.READ_SHARED, {A.BATCH_VIEW}),
        (I.STRICT_PERSONAL, set()),
    ],
)
def test_rules_H8_H9_who_sees_the_app_sees_what_the_class_says(
    w: Worlds, isolation: Isolation, seen: set[Action]
) -> None:
    batch = f"{isolation}-app"
    assert holds(w, "rd", batch) == seen
    assert holds(w, "eve", batch) == set()
    assert holds(w, "anonymous", batch) == set()
    assert holds(w, "ann", batch) == set(OF_BATCHES)
    kept = isolation is not I.STRICT_PERSONAL
    assert holds(w, "admin", batch) == (set(OF_BATCHES) if kept else set())
    of_keeper = {A.BATCH_VIEW, A.BATCH_OUTPUT, A.BATCH_TERMINATE}
    assert holds(w, "keeper", batch) == (of_keeper if kept else set())


@pytest.mark.parametrize("isolation", [I.SHARED, I.READ_SHARED])
def test_what_everyone_was_given_never_gives_more_than_a_view(
    w: Worlds, isolation: Isolation
) -> None:
    for who in ("anonymous", "eve"):
        assert holds(w, who, f"{isolation}-public") == {A.BATCH_VIEW}


def test_an_app_in_the_trash_shares_nothing(w: Worlds) -> None:
    w.trash("app")
    for isolation in I:
        assert holds(w, "rd", f"{isolation}-app") == set()
        assert holds(w, "keeper", f"{isolation}-app") == set()
    assert holds(w, "ann", "shared-app") == set(OF_BATCHES)


def test_each_class_shows_no_more_than_the_ones_before(w: Worlds) -> None:
    for who in ("rd", "eve", "keeper", "admin", "anonymous"):
        shown = [holds(w, who, f"{isolation}-app") for isolation in STRICTEST_LAST]
        assert all(later <= earlier for earlier, later in pairwise(shown)), who
        assert all(action in READS for action in shown[0] - shown[2])


def test_a_stamp_is_the_apps_class_or_closed_by_its_submitter() -> None:
    assert [stamp(each, private=False) for each in STRICTEST_LAST] == list(STRICTEST_LAST)
    private = [stamp(each, private=True) for each in STRICTEST_LAST]
    assert private == [I.PERSONAL, I.PERSONAL, I.PERSONAL, I.STRICT_PERSONAL]
    for one, other in product(I, I):
        assert stricter(one, other) is stricter(other, one)
        assert stricter(one, other) in (one, other)


def test_a_list_of_shared_batches_walks_the_apps_that_are_seen(w: Worlds) -> None:
    names = {number: name for name, number in w.ids.items()}
    for who, apps in (("rd", {"app", "public"}), ("eve", {"public"})):
        assert {names[app] for app in w.world.apps_showing(w.who(who))} == apps
