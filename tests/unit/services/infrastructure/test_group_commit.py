"""Group commit: who shares a write with whom."""

import asyncio
from collections.abc import Sequence

from broker.services.infrastructure.group_commit import Group

LINGER_SECONDS = 0.05


class Writes:
    """Remembers the groups that it was handed."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []

    async def __call__(self, group: Sequence[int]) -> list[int]:
        self.groups.append(list(group))
        return [10 * item for item in group]


async def come_one_after_the_other(group: Group[int, int], items: Sequence[int]) -> list[int]:
    """Adds items while the group of the first one is under way already."""
    tasks = []
    for item in items:
        tasks.append(asyncio.create_task(group.add(item)))
        for _ in range(5):
            await asyncio.sleep(0)
    return list(await asyncio.gather(*tasks))


async def test_a_lone_caller_waits_for_nobody() -> None:
    writes = Writes()
    answers = await come_one_after_the_other(Group(writes), [1, 2])
    assert (answers, writes.groups) == ([10, 20], [[1], [2]])


async def test_a_lingering_group_takes_those_along_who_come_meanwhile() -> None:
    writes = Writes()
    group = Group(writes, linger=lambda: LINGER_SECONDS)
    answers = await come_one_after_the_other(group, [1, 2, 3])
    assert (answers, writes.groups) == ([10, 20, 30], [[1, 2, 3]])


async def test_lingering_is_asked_for_anew_for_every_group() -> None:
    writes, seconds = Writes(), [LINGER_SECONDS, 0.0]
    group = Group(writes, linger=lambda: seconds.pop(0))
    assert await come_one_after_the_other(group, [1, 2]) == [10, 20]
    assert await group.add(3) == 30
    assert (writes.groups, seconds) == ([[1, 2], [3]], [])
