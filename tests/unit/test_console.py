"""The log's shape, for Fairlead's own lines and for those of the libraries below it."""

import json
import logging
from io import StringIO

import pytest
import structlog

from broker import console


@pytest.fixture
def out() -> StringIO:
    stream = StringIO()
    console.configure(stream)
    return stream


def test_what_a_library_warns_of_is_one_line_with_the_reason(out: StringIO) -> None:
    try:
        raise ConnectionRefusedError(111, "Connection refused")
    except ConnectionRefusedError:
        logging.getLogger("asyncpg.pool").warning("cannot connect", exc_info=True)
    [line] = map(json.loads, out.getvalue().splitlines())
    assert line["event"] == "cannot connect"
    assert (line["library"], line["reason"]) == ("asyncpg.pool", "connection refused")
    assert "exception" not in line


def test_an_error_of_a_library_keeps_its_trace(out: StringIO) -> None:
    try:
        raise RuntimeError("no")
    except RuntimeError:
        logging.getLogger("aiohttp.server").exception("Error handling request")
    [line] = map(json.loads, out.getvalue().splitlines())
    assert line["level"] == "error"
    assert "RuntimeError: no" in line["exception"]


def test_control_characters_are_made_visible(out: StringIO) -> None:
    structlog.get_logger().info("job ended", name="\x1b[2J\n")
    assert json.loads(out.getvalue())["name"] == "\\x1b[2J\\n"
