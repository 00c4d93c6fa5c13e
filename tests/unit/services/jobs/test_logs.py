"""Bytes of a log become text, however they are cut."""

from hypothesis import given
from hypothesis import strategies as st

from broker.services.jobs.logs import Text


@given(st.binary(max_size=60), st.lists(st.integers(1, 7), max_size=60))
def test_pieces_make_the_same_text_as_the_whole(data: bytes, cuts: list[int]) -> None:
    text, pieces, at = Text(100), [], 0
    for length in [*cuts, len(data)]:
        pieces.append(text.feed(data[at : at + length]))
        at = min(len(data), at + length)
        assert 100 <= text.offset <= 100 + at
    pieces.append(text.feed(b"", final=True))
    assert "".join(pieces) == data.decode("utf-8", "replace")
    assert text.offset == 100 + len(data)


def test_offset_stays_before_a_cut_character() -> None:
    """A follower who comes back at the offset must see the character whole."""
    text = Text(0)
    assert text.feed("a€".encode()[:3]) == "a"
    assert text.offset == 1
    assert text.feed("€".encode()[2:]) == "€"
    assert text.offset == 4
