"""Plain rows: what one says of its route comes from its use case, and fits its path."""

import pytest

from broker.api.call import CREATED, NO_CONTENT, OK, PageQuery
from broker.api.plain import (
    Plain,
    acting,
    changing,
    creating,
    deleting,
    paging,
    searching,
    showing,
    writing,
)
from broker.api.plain.rows import Work
from broker.domain.access import Action
from broker.protocol.base import Message, Page
from broker.services.requests.actor import Actor
from broker.storage.database import Connection

PLAIN = Plain("broker.api.handlers.lamps")
ALL, ONE, BULB = "/v1/lamps", "/v1/lamps/{lamp}", "/v1/lamps/{lamp}/bulbs/{bulb}"


class Lamp(Message):
    """A lamp."""


class LampRequest(Message):
    """A lamp to be."""


def etag(lamp: Lamp) -> str:
    return '"1"'


async def create(connection: Connection, actor: Actor, request: LampRequest) -> Lamp:
    return Lamp()


async def page(connection: Connection, actor: Actor, *, before: int, rows_max: int) -> list[Lamp]:
    return []


async def view(connection: Connection, actor: Actor, lamp: str, pointer: str = "{lamp}") -> Lamp:
    return Lamp()


async def change(
    connection: Connection,
    actor: Actor,
    lamp: str,
    request: LampRequest,
    *,
    if_match: frozenset[str],
) -> Lamp:
    return Lamp()


async def fit(
    connection: Connection, actor: Actor, lamp: str, bulb: str, body: LampRequest
) -> Lamp:
    return Lamp()


async def light(connection: Connection, actor: Actor, lamp: str) -> Lamp:
    return Lamp()


async def unscrew(connection: Connection, actor: Actor, lamp: str, bulb: str) -> None: ...


FITTING = [
    (creating(create, LampRequest, Lamp, etag), ALL, "create", CREATED, True),
    (paging(page, Page[Lamp]), ALL, "page", OK, False),
    (searching(lambda _: page, PageQuery, Page[Lamp]), ALL, "page", OK, False),
    (showing(view, Lamp, etag), ONE, "show", OK, True),
    (changing(change, LampRequest, Lamp, etag), ONE, "change", OK, True),
    (writing(fit, LampRequest, Lamp), BULB, "fit", OK, False),
    (acting(light, Lamp), f"{ONE}:light", "light", OK, False),
    (deleting(unscrew), BULB, "unscrew", NO_CONTENT, False),
]


@pytest.mark.parametrize(("work", "path", "name", "status", "tagged"), FITTING)
def test_a_row_says_what_its_work_does(
    work: Work, path: str, name: str, status: int, tagged: bool
) -> None:
    row = PLAIN.route("POST", path, work, Action.POOL_EDIT, "Does it.")
    assert (row.method, row.path, row.policy, row.summary) == (
        "POST",
        path,
        Action.POOL_EDIT,
        "Does it.",
    )
    assert (row.handler.__module__, row.handler.__name__) == (PLAIN.module, name)
    assert (row.body, row.answer, row.query) == (work.body, work.answer, work.query)
    assert (row.status, row.etag) == (status, tagged)


def test_a_row_may_name_its_operation() -> None:
    row = PLAIN.route("GET", ONE, showing(view, Lamp), Action.POOL_VIEW, "Shows it.", name="look")
    assert row.handler.__name__ == "look"


@pytest.mark.parametrize(
    ("work", "path"),
    [
        (creating(create, LampRequest, Lamp), ONE),
        (paging(page, Page[Lamp]), ONE),
        (showing(view, Lamp), ALL),
        (showing(view, Lamp), BULB),
        (changing(change, LampRequest, Lamp, etag), BULB),
        (writing(fit, LampRequest, Lamp), ONE),
        (deleting(unscrew), ONE),
    ],
)
def test_a_path_with_other_parts_than_the_use_case_takes_is_refused(work: Work, path: str) -> None:
    with pytest.raises(ValueError, match=rf"^GET .*: {work.name} takes {work.parts} parts"):
        PLAIN.route("GET", path, work, Action.POOL_VIEW, "Shows it.")
