"""Open streams are counted for as long as they are open."""

import pytest

from broker.errors import InvalidInput, LimitExceeded
from broker.protocol.ids import AccountId
from broker.services.jobs.events import parse_place, place
from broker.services.requests.streams import STREAMS_PER_ACCOUNT_MAX, Streams
from broker.storage.events import Position

ANN, BOB = AccountId(1), AccountId(2)


def test_place_of_a_stream_is_free_again_when_it_ends_whatever_happens() -> None:
    streams = Streams()
    with pytest.raises(ZeroDivisionError), streams.one(ANN):
        _ = len(streams) / 0
    assert len(streams) == 0


def test_one_account_cannot_take_anothers_places() -> None:
    streams = Streams()
    opened = [streams.one(ANN) for _ in range(STREAMS_PER_ACCOUNT_MAX)]
    for each in opened:
        each.__enter__()
    with pytest.raises(LimitExceeded), streams.one(ANN):
        pass
    with streams.one(BOB):
        assert len(streams) == STREAMS_PER_ACCOUNT_MAX + 1
    for each in opened:
        each.__exit__(None, None, None)
    assert len(streams) == 0


def test_place_in_the_event_stream_comes_back_as_it_was() -> None:
    assert parse_place(place(Position(2**63 + 5, 17))) == Position(2**63 + 5, 17)
    with pytest.raises(InvalidInput):
        parse_place("\u0661-1")  # digits, but not ours
