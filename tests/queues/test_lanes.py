"""Lanes in a real Redis: order, idempotence, memory of unconfirmed cycles, generations."""

import secrets
from collections.abc import AsyncIterator

import pytest

from broker.protocol.ids import HostId, JobId, LaneId
from broker.queues import asks, lanes
from broker.queues.asks import Ask, Freed
from broker.queues.client import GenerationLost, Queues
from broker.queues.lanes import Run
from tests.support.servers import Servers

LANE, OTHER = LaneId(1), LaneId(2)


@pytest.fixture
async def queues(servers: Servers) -> AsyncIterator[Queues]:
    opened = await Queues.connect(servers.redis_url, secrets.token_hex(4))
    await opened.begin_rebuild()
    yield opened
    await opened.close()


async def popped(queues: Queues, jobs: int, cycle: str = "1.1") -> list[int]:
    (ids,) = await lanes.pop(queues, cycle, [(LANE, jobs)])
    return [int(job) for job in ids]


async def test_jobs_come_out_oldest_first_and_urgent_ones_before_them(queues: Queues) -> None:
    huge = 5_000_000_000  # more than 32 bits
    runs = [Run(LANE, JobId(huge), 2), Run(LANE, JobId(250), 10), Run(LANE, JobId(400), 1, 7)]
    assert await lanes.push(queues, runs) == 13
    assert await popped(queues, 100) == [400, *range(250, 260), huge, huge + 1]


async def test_a_repeated_push_changes_nothing(queues: Queues) -> None:
    run = Run(LANE, JobId(1), 3)
    assert await lanes.push(queues, [run]) == 3
    assert await lanes.push(queues, [run]) == 0
    assert await popped(queues, 10) == [1, 2, 3]


async def test_runs_longer_than_a_call_arrive_whole(queues: Queues) -> None:
    jobs = 2 * lanes.JOBS_PER_CALL_MAX + 5
    assert (
        await lanes.push(queues, [Run(LANE, JobId(1), jobs), Run(OTHER, JobId(9), 1)]) == jobs + 1
    )
    assert await popped(queues, jobs + 1) == list(range(1, jobs + 1))


async def test_removed_jobs_are_gone(queues: Queues) -> None:
    await lanes.push(queues, [Run(LANE, JobId(1), 10)])
    assert await lanes.remove(queues, [Run(LANE, JobId(3), 5), Run(LANE, JobId(50), 5)]) == 5
    assert await popped(queues, 10) == [1, 2, 8, 9, 10]


async def test_an_unconfirmed_cycle_comes_back_and_a_confirmed_one_does_not(
    queues: Queues,
) -> None:
    await lanes.push(queues, [Run(LANE, JobId(1), 4, priority=3)])
    assert await popped(queues, 2, "1.1") == [1, 2]
    assert await popped(queues, 2, "1.2") == [3, 4]
    await lanes.confirm(queues, "1.2")
    assert await lanes.restore(queues) == 2
    assert await lanes.restore(queues) == 0
    await lanes.push(queues, [Run(LANE, JobId(0), 1)])
    assert await popped(queues, 9, "1.3") == [1, 2, 0]  # with the priority that they had


async def test_the_leader_sees_what_changed_once(queues: Queues) -> None:
    await lanes.push(queues, [Run(LANE, JobId(1), 4)])
    offer = Ask(expires_at=5.5, free_slots=3, free_gpus=(1, 0, 7), wall_seconds_max=900.5)
    await asks.ask(queues, {HostId(7): offer, HostId(8): None})
    await asks.freed(queues, [Freed(LANE, 2, 90, 2**40)])
    news = await asks.look(queues)
    assert news.lane_lengths == {LANE: 4}
    assert news.asks == {HostId(7): offer, HostId(8): None}
    assert news.freed == [Freed(LANE, 2, 90, 2**40)]
    assert not news.more
    again = await asks.look(queues)
    assert (again.lane_lengths, again.asks, again.freed) == ({}, {}, [])
    assert await asks.standing(queues) == {HostId(7): offer}
    await asks.granted(queues, [HostId(7)], [])
    assert await asks.standing(queues) == {}


async def test_a_new_leader_looks_at_every_lane(queues: Queues) -> None:
    await lanes.push(queues, [Run(LANE, JobId(1), 1), Run(OTHER, JobId(2), 2)])
    await asks.look(queues)
    await lanes.mark_all_dirty(queues)
    assert (await asks.look(queues)).lane_lengths == {LANE: 1, OTHER: 2}


async def test_position_counts_the_jobs_before(queues: Queues) -> None:
    await lanes.push(queues, [Run(LANE, JobId(10), 5), Run(LANE, JobId(99), 1, 1)])
    assert await lanes.position(queues, LANE, JobId(99)) == 0
    assert await lanes.position(queues, LANE, JobId(12)) == 3
    assert await lanes.position(queues, LANE, JobId(1000)) is None


async def test_another_generation_is_refused(queues: Queues, servers: Servers) -> None:
    run = Run(LANE, JobId(1), 1)
    await lanes.push(queues, [run])
    await queues.redis.delete(queues.key("generation"))
    with pytest.raises(GenerationLost):
        await lanes.push(queues, [run])
    with pytest.raises(GenerationLost):
        await asks.look(queues)
    assert not await queues.adopt()
    await queues.begin_rebuild()
    assert await popped(queues, 1) == []


async def test_deployments_do_not_meet_in_one_server(queues: Queues, servers: Servers) -> None:
    other = await Queues.connect(servers.redis_url, secrets.token_hex(4))
    await other.begin_rebuild()
    await lanes.push(queues, [Run(LANE, JobId(1), 1)])
    assert await popped(other, 1) == []
    await other.begin_rebuild()
    assert await popped(queues, 1) == [1]
    await other.close()


async def test_scripts_survive_a_script_flush(queues: Queues) -> None:
    await lanes.push(queues, [Run(LANE, JobId(1), 1)])
    await queues.redis.script_flush()
    assert await popped(queues, 1) == [1]
