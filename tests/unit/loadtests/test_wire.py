"""The raw HTTP client of the load generator, over answers that come in pieces."""

import asyncio

import pytest

from loadtests.wire import Connection, body_length, request

ANSWER = (
    b'HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"a": 10}'
)


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return False


@pytest.mark.parametrize("piece_bytes", [1, 7, len(ANSWER)])
async def test_answer_in_pieces_is_read_whole(piece_bytes: int) -> None:
    wire, connection = Wire(), Connection()
    connection.connection_made(wire)
    for _ in range(2):
        waiting = asyncio.create_task(connection.send(b"question"))
        await asyncio.sleep(0)
        for at in range(0, len(ANSWER), piece_bytes):
            connection.data_received(ANSWER[at : at + piece_bytes])
        assert await waiting == (201, b'{"a": 10}')
    assert wire.written == b"questionquestion"


async def test_closed_connection_ends_the_open_request() -> None:
    connection = Connection()
    connection.connection_made(Wire())
    waiting = asyncio.create_task(connection.send(b"question"))
    await asyncio.sleep(0)
    connection.connection_lost(None)
    with pytest.raises(ConnectionResetError):
        await waiting


def test_answer_without_content_has_no_body() -> None:
    assert body_length(b"HTTP/1.1 204 No Content\r\nServer: x") == 0


def test_request_tells_the_length_of_its_body() -> None:
    head, body = request("POST", "/v1/x", "token", {"a": 1}).split(b"\r\n\r\n")
    assert body == b'{"a":1}'
    assert head.startswith(b"POST /v1/x HTTP/1.1\r\n")
    assert b"Content-Length: 7" in head
