"""Every route, asked by every kind of caller about everything that is its own, its colleague's,
another lab's, and nobody's: whom the policy refuses is refused, and whom it lets read reads.

What is expected follows from the route's declared action and the object in its path, by the policy
function; whether that one is right is another question (tests/unit/domain). Denied cells change
nothing, so one world serves for all of them.
"""

import re
from itertools import product

import pytest

from broker.api.route import Route
from broker.api.routes import table
from broker.domain.access import Action, decide, sees
from tests.authorization.bodies import BODIES
from tests.authorization.scene import CALLERS, OWNER, REFUSED, WHOSE, Scene, played
from tests.support.http import Reply
from tests.support.running import Running

GUARDED = [route for route in table() if isinstance(route.policy, Action)]
# A host speaks of leases; whether it holds this one is answered lease by lease.
OF_LEASES = {route.path for route in GUARDED if route.policy is Action.LEASE_WORK}
# Rules stand for the name of a pool, whether anybody registered one or not.
OF_THE_DEPLOYMENT = {"/v1/pools/{pool}/preemption"}
# What these are about stands in the body, or is whatever is seen: tests/api/test_projects.py.
ELSEWHERE = {
    ("POST", "/v1/folders"),
    ("POST", "/v1/files"),
    ("GET", "/v1/projects"),
    ("GET", "/v1/who-can"),
    ("GET", "/v1/explain-access"),
    ("POST", "/v1/tables"),
}
REFUSALS = {401, 403, 404}


def placeholders(route: Route) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", route.path))


async def ask(scene: Scene, caller: str, route: Route, whose: str) -> Reply:
    values = scene.values[whose]
    path = re.sub(r"\{(\w+)\}", lambda match: values[match.group(1)], route.path)
    body = BODIES.get((route.method, route.path))
    if route.path.endswith("/logs"):
        path += "?stream=stdout&offset=0"
    return await scene.callers[caller].call(route.method, path, body)


async def allowed(scene: Scene, caller: str, route: Route, whose: str) -> tuple[bool, bool]:
    """(whether the policy allows it, whether the caller sees the object)."""
    assert isinstance(route.policy, Action)
    if route.path in OF_LEASES:
        return caller == "host", True
    named = placeholders(route) if route.path not in OF_THE_DEPLOYMENT else set()
    what = await scene.resource(named, whose)
    who = scene.who(caller)
    return decide(who, route.policy, what).allowed, sees(who, what)


def test_every_route_with_a_body_has_an_example() -> None:
    missing = {(r.method, r.path) for r in table() if r.body is not None} - set(BODIES)
    assert not missing


@pytest.mark.timeout(600)
async def test_whoever_the_policy_refuses_is_refused(broker: Running) -> None:
    scene = await played(broker)
    wrong: list[str] = []
    asked = 0
    for route, caller, whose in product(GUARDED, CALLERS, WHOSE):
        if not placeholders(route) and whose != "own":
            continue
        if (route.method, route.path) in ELSEWHERE and caller not in REFUSED:
            continue
        cell = f"{caller} {route.method} {route.path} of {whose}"
        if caller in REFUSED or whose == "absent":
            expected = {401} if caller in REFUSED | {"anonymous"} else {403, 404, 409, 422}
            if caller not in REFUSED and route.path in OF_LEASES and caller == "host":
                continue
        else:
            may, seen = await allowed(scene, caller, route, whose)
            if may:
                continue
            expected = {401} if caller == "anonymous" else {403 if seen else 404}
        asked += 1
        status = (await ask(scene, caller, route, whose)).status
        if status not in expected:
            wrong.append(f"{cell}: {status}, not {sorted(expected)}")
    assert not wrong, "\n".join(wrong)
    assert asked > len(GUARDED) * len(REFUSED)


@pytest.mark.timeout(600)
async def test_whoever_the_policy_lets_read_reads(broker: Running) -> None:
    scene = await played(broker)
    wrong: list[str] = []
    reads = [route for route in GUARDED if route.method == "GET" and "{name}" not in route.path]
    for route, caller, whose in product(reads, set(CALLERS) - REFUSED, OWNER):
        if "events" in route.path:
            continue  # a stream without an end; tests/api/test_events.py
        may, _ = await allowed(scene, caller, route, whose)
        status = (await ask(scene, caller, route, whose)).status
        if may and status in REFUSALS:
            wrong.append(f"{caller} {route.method} {route.path} of {whose}: {status}")
    assert not wrong, "\n".join(wrong)
