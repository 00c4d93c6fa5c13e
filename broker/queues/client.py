"""The door to Redis: scripts by name, and its absence as an error of ours."""

import secrets
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any, Self, cast

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError, ResponseError

from broker.config import place_of
from broker.errors import FairleadError, StartupError, Unavailable, reason_of

SERVER_VERSION_MIN = (6, 2)
SOCKET_SECONDS_MAX = 3.0
SCRIPTS = ("push", "remove", "pop", "restore", "look")


class GenerationLost(FairleadError):
    """Redis has lost its memory; the queues must be rebuilt from PostgreSQL."""

    code = "generation_lost"


class Queues:
    """One deployment's keys in a Redis server.

    Args:
        redis: the connection pool.
        deployment: the deployment's id; all keys begin with it and share one hash slot.
    """

    def __init__(self, redis: "Redis", deployment: str) -> None:
        self.redis = redis
        self.prefix = f"{{fairlead:{deployment}}}"
        self.generation = ""
        self._scripts = {
            name: redis.register_script(
                (files("broker.queues") / "scripts" / f"{name}.lua").read_text()
            )
            for name in SCRIPTS
        }

    @classmethod
    async def connect(cls, url: str, deployment: str) -> Self:
        """Opens a pool and checks the server.

        Raises:
            StartupError: the server does not answer, refuses us, or is too old.
        """

        def unusable(error: Exception) -> StartupError:
            return StartupError(
                f"cannot use Redis at {place_of(url)}: {reason_of(error)}; "
                "check FAIRLEAD_REDIS_URL and that the server runs"
            )

        try:
            redis = Redis.from_url(
                url,
                socket_timeout=SOCKET_SECONDS_MAX,
                socket_connect_timeout=5,
                protocol=2,
            )
        except ValueError as error:  # no URL of Redis
            raise unusable(error) from error
        try:
            info = await redis.info("server")
        except (RedisError, OSError) as error:
            await redis.aclose()
            raise unusable(error) from error
        version = tuple(int(part) for part in str(info["redis_version"]).split(".")[:2])
        if version < SERVER_VERSION_MIN:
            await redis.aclose()
            raise StartupError(f"Redis {info['redis_version']} is too old: 6.2 or newer is needed")
        return cls(redis, deployment)

    async def close(self) -> None:
        await self.redis.aclose()

    def key(self, name: str) -> str:
        """The full name of a key."""
        return f"{self.prefix}:{name}"

    async def run(self, script: str, *arguments: Any) -> Any:
        """Runs a script in the current generation.

        Raises:
            GenerationLost: Redis holds another generation, or none.
            Unavailable: Redis is away.
        """
        with_prefix = [self.prefix, self.generation, *arguments]
        async with reachable():
            return await self._scripts[script](keys=[self.key("generation")], args=with_prefix)

    async def current_generation(self) -> str:
        """The generation that Redis holds; empty when it holds none."""
        async with reachable():
            value = await cast(Awaitable[bytes | None], self.redis.get(self.key("generation")))
        return value.decode() if value else ""

    async def adopt(self) -> bool:
        """Takes over the generation that Redis holds; False when there is none."""
        self.generation = await self.current_generation()
        return bool(self.generation)

    async def begin_rebuild(self) -> None:
        """Drops every key of this deployment and starts a new generation.

        Writers of the old generation are refused from here on, so nothing of theirs mixes in.
        """
        async with reachable():
            await self.redis.delete(self.key("generation"))
            async for key in self.redis.scan_iter(
                match=glob_escaped(self.prefix) + ":*", count=1000
            ):
                await self.redis.unlink(key)
            self.generation = secrets.token_hex(8)
            await self.redis.set(self.key("generation"), self.generation)

    async def publish(self, channel: str, message: bytes) -> None:
        """Sends a wake-up; whoever does not listen looks again within a second anyway."""
        async with reachable():
            await self.redis.publish(self.key(channel), message)

    def subscription(self) -> PubSub:
        """A pub/sub connection of its own."""
        return self.redis.pubsub(ignore_subscribe_messages=True)


def glob_escaped(text: str) -> str:
    """Text for a MATCH pattern that means itself."""
    return "".join(f"\\{c}" if c in "*?[]\\" else c for c in text)


@asynccontextmanager
async def reachable() -> AsyncIterator[None]:
    """Turns Redis' errors into ours.

    Raises:
        GenerationLost: a script found another generation.
        Unavailable: the server is away, loading, or out of memory.
    """
    try:
        yield
    except ResponseError as error:
        if "GENERATION" in str(error):
            raise GenerationLost("Redis has lost the queues; they are being rebuilt") from error
        raise Unavailable(f"Redis refuses: {error}") from error
    except (RedisError, OSError) as error:
        raise Unavailable("Redis is away; try again soon") from error
