"""The waiting room: how long an idle host's request may wait for company."""

from broker.protocol.ids import HostId
from broker.services.hosts.waiting import LINGER_SECONDS_MAX, WaitingRoom


async def crowd(hosts: int) -> WaitingRoom:
    room = WaitingRoom()
    for host in range(hosts):
        room.enter(HostId(host))
    return room


async def test_nobody_lingers_in_an_empty_room() -> None:
    assert WaitingRoom().linger_seconds == 0


async def test_few_waiting_polls_cost_a_newcomer_less_than_a_millisecond() -> None:
    assert 0 < (await crowd(100)).linger_seconds < 0.001


async def test_lingering_is_bounded() -> None:
    assert (await crowd(11_000)).linger_seconds == LINGER_SECONDS_MAX
