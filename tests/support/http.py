"""A caller of the API as tests want it: a token, JSON in, status and JSON out."""

from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import ClientSession


@dataclass
class Reply:
    """An answer of the API."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.content)

    def expect(self, status: int) -> Any:
        """The JSON body, after checking the status; the body is in the message when it differs."""
        assert self.status == status, f"{self.status}: {self.content[:2000]!r}"
        return self.json if self.content else None

    def problem(self, status: int, code: str) -> Any:
        """The problem document, after checking status, code and media type."""
        document = self.expect(status)
        assert self.headers["Content-Type"].startswith("application/problem+json")
        assert document["code"] == code, document
        return document

    @property
    def etag(self) -> str:
        """The entity tag of what it shows."""
        return {name.lower(): value for name, value in self.headers.items()}["etag"]

    def pointers(self) -> list[str]:
        """The pointers of a problem's bad fields."""
        return [error["pointer"] for error in self.json["errors"]]


@dataclass
class Http:
    """Calls the API with one token."""

    url: str
    session: ClientSession
    token: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    async def call(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, **more: Any
    ) -> Reply:
        headers = dict(self.headers) | more.pop("headers", {})
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if key:
            headers["Idempotency-Key"] = key
        if body is not None and not isinstance(body, bytes):
            body = orjson.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        async with self.session.request(
            method, self.url + path, data=body, headers=headers, **more
        ) as response:
            return Reply(response.status, dict(response.headers), await response.read())

    async def get(self, path: str, **more: Any) -> Reply:
        return await self.call("GET", path, **more)

    async def post(self, path: str, body: Any = None, **more: Any) -> Reply:
        return await self.call("POST", path, body, **more)

    async def put(self, path: str, body: Any = None, **more: Any) -> Reply:
        return await self.call("PUT", path, body, **more)

    async def patch(self, path: str, body: Any = None, **more: Any) -> Reply:
        return await self.call("PATCH", path, body, **more)

    async def delete(self, path: str, **more: Any) -> Reply:
        return await self.call("DELETE", path, **more)
