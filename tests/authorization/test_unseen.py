"""What one may not see is answered like what is not there: same shape, same work behind it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from broker.api.route import Route
from broker.api.routes import table
from broker.domain.access import Action
from broker.storage.database import Connection, Database
from tests.authorization.bodies import BODIES
from tests.authorization.scene import Scene, played
from tests.support.http import Reply
from tests.support.running import Running

# Kinds that are hidden from who may not view them, each with the placeholder of its routes.
HIDDEN = frozenset(
    {"batch", "job", "host", "app", "table", "project", "root", "image", "pool", "node", "file"}
)
TRIES = 7  # the daemons' own statements come in between, but not in every try


def hidden_routes() -> list[tuple[Route, str]]:
    return [
        (route, name)
        for route in table()
        for name in HIDDEN
        if isinstance(route.policy, Action)
        and route.policy is not Action.LEASE_WORK
        and re.findall(r"\{(\w+)\}", route.path)[:1] == [name]
    ]


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Everything that is asked of PostgreSQL from now on."""
    seen: list[str] = []
    connect = Database.connection

    @asynccontextmanager
    async def watched(self: Database) -> AsyncIterator[Connection]:
        def note(record: Any) -> None:
            seen.append(record.query)

        async with connect(self) as connection:
            connection.add_query_logger(note)
            try:
                yield connection
            finally:
                if not connection.is_closed():
                    connection.remove_query_logger(note)

    monkeypatch.setattr(Database, "connection", watched)
    return seen


async def answered(
    scene: Scene, route: Route, values: dict[str, str], seen: list[str]
) -> tuple[Reply, list[str]]:
    """The answer to Bob, and the statements of the quietest of several tries."""
    path = re.sub(r"\{(\w+)\}", lambda match: values[match.group(1)], route.path)
    body = BODIES.get((route.method, route.path))
    quietest: list[str] | None = None
    for _ in range(TRIES):
        seen.clear()
        reply = await scene.callers["bob"].call(route.method, path, body)
        if quietest is None or len(seen) < len(quietest):
            quietest = list(seen)
    return reply, quietest or []


@pytest.mark.timeout(300)
async def test_unseen_and_absent_cannot_be_told_apart(
    broker: Running, statements: list[str]
) -> None:
    scene = await played(broker)
    wrong: list[str] = []
    for route, kind in hidden_routes():
        there, absent = scene.values["own"], scene.values["absent"]
        gone = {**there, kind: absent[kind]}
        unseen, asked = await answered(scene, route, there, statements)
        missing, asked_of_absent = await answered(scene, route, gone, statements)
        if unseen.status != 404:
            continue  # to be seen by everybody: the matrix says what may be done to it
        same = unseen.content.replace(there[kind].encode(), b"X") == missing.content.replace(
            absent[kind].encode(), b"X"
        )
        if missing.status != 404 or not same or asked != asked_of_absent:
            wrong.append(f"{route.method} {route.path}\n  {unseen.content!r} {asked}")
            wrong.append(f"  {missing.content!r} {asked_of_absent}")
    assert not wrong, "\n".join(wrong)
