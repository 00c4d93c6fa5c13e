"""Ranges, names and frames of streamed answers."""

import pytest
from aiohttp.test_utils import make_mocked_request

from broker.api.streaming import Frame, safe_name, wanted_range


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"Range": "bytes=2-4"}, range(2, 5)),
        ({"Range": "bytes=2-"}, range(2, 10)),
        ({"Range": "bytes=-3"}, range(7, 10)),
        ({"Range": "bytes=8-100"}, range(8, 10)),
        ({"Range": "bytes=10-"}, range(10, 10)),
        ({"Range": "bytes=50-60"}, range(0)),
        ({"Range": "bytes=4-2"}, None),
        ({"Range": "bytes=0-1,3-4"}, None),
        ({"Range": "bytes=2-4", "If-Range": '"abc"'}, range(2, 5)),
        ({"Range": "bytes=2-4", "If-Range": '"old"'}, None),
        ({"Range": "bytes=2-4", "If-Range": "Wed, 21 Oct 2015 07:28:00 GMT"}, None),
    ],
)
def test_range_of_ten_bytes(headers: dict[str, str], expected: range | None) -> None:
    request = make_mocked_request("GET", "/", headers=headers)
    assert wanted_range(request, 10, '"abc"') == expected


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("result.txt", "result.txt"),
        ('a"; filename="b', "a___filename__b"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("a\r\nX: y", "a__X__y"),
        ("ü\u202etxt.exe", "__txt.exe"),
        ("..", "output"),
    ],
)
def test_file_name_in_a_header_is_harmless(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_frame_has_the_fields_that_it_was_given() -> None:
    assert Frame(b"{}").encoded() == b"data: {}\n\n"
    assert Frame(b"{}", "end", "1-2").encoded() == b"event: end\nid: 1-2\ndata: {}\n\n"
