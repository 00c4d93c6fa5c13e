"""What a broker cannot start with: one line that says what and where, and no password."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from broker.config import Settings, place_of
from broker.errors import StartupError
from broker.main import Broker


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("redis_url", "redis://:secret@127.0.0.1:1/0", "cannot use Redis at 127.0.0.1:1: "),
        ("redis_url", "secret@nonsense", "cannot use Redis at nonsense: "),
        ("redis_url", "redis://:secret@127.0.0.1:x/0", "cannot use Redis at 127.0.0.1:x: "),
        ("database_url", "postgresql://u:secret@127.0.0.1:1/x", "cannot use PostgreSQL at 127.0.0"),
        ("database_url", "mysql://u:secret@db/x", "cannot use PostgreSQL at db: invalid DSN"),
        ("files_directory", Path("/dev/null/files"), "cannot use /dev/null/files for files: "),
        ("host", "192.0.2.1", "cannot listen on 192.0.2.1:0: "),
    ],
)
async def test_one_line(
    settings: Callable[..., Settings], setting: str, value: Any, said: str
) -> None:
    given = {**settings().model_dump(), setting: value}
    with pytest.raises(StartupError) as refused:
        async with Broker(Settings.model_validate(given)):
            pass
    assert refused.value.message.startswith(said)
    assert "secret" not in refused.value.message
    assert "\n" not in refused.value.message


@pytest.mark.slow
@pytest.mark.parametrize("setting", ["redis_url", "database_url"])
async def test_a_server_that_never_answers_is_one_line_too(
    settings: Callable[..., Settings], setting: str
) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        scheme = "redis" if setting == "redis_url" else "postgresql"
        given = {**settings().model_dump(), setting: f"{scheme}://u:secret@{place}/0"}
        with pytest.raises(StartupError) as refused:
            async with Broker(Settings.model_validate(given)):
                pass
    message = refused.value.message
    assert f" at {place}: " in message
    assert "no answer in time" in message or "Timeout reading" in message
    assert "secret" not in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://u:secret@db.example.org:5432/x", "db.example.org:5432"),
        ("postgresql://u:secret@/x?host=/run/pg", "/run/pg"),
        ("unix:///run/valkey.sock?db=0", "/run/valkey.sock"),
        ("u:secret@db/x", "db/x"),
        ("", "?"),
    ],
)
def test_places_are_named_without_credentials(url: str, place: str) -> None:
    assert place_of(url) == place
