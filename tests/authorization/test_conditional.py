"""Every route that promises to honour If-Match refuses to change what is something else by now."""

import re

from broker.api.route import Route
from broker.api.routes import table
from tests.authorization.bodies import BODIES
from tests.authorization.scene import played
from tests.support.running import Running

STALE = {"If-Match": '"stale"'}
CONDITIONAL = [route for route in table() if route.conditional]
# Only drafts may still be changed, and the scene has none: tests/api/test_drafts.py.
OF_A_DRAFT = "/v1/apps/{app}/versions/{number}"


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


async def test_a_stale_state_is_refused_wherever_if_match_is_promised(broker: Running) -> None:
    scene = await played(broker)
    wrong: list[str] = []
    for route in CONDITIONAL:
        if route.path == OF_A_DRAFT:
            continue
        path = re.sub(r"\{(\w+)\}", lambda found: scene.values["own"][found[1]], route.path)
        body = BODIES.get((route.method, route.path))
        status = [
            (await scene.callers[caller].call(route.method, path, body, headers=STALE)).status
            for caller in ("admin", "ann")
        ]
        if 412 not in status:
            wrong.append(f"{named(route)}: {status}")
    assert not wrong, "\n".join(wrong)
    assert len(CONDITIONAL) > 10


def test_a_change_that_answers_with_an_etag_honours_if_match_or_makes_something_new() -> None:
    """A client that read an object may say which state it saw."""
    without = {
        named(route)
        for route in table()
        if route.method in ("PATCH", "PUT") and route.etag and not route.conditional
    }
    assert not without
