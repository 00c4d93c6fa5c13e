from collections.abc import AsyncIterator, Iterator

import pytest

from broker.client import AsyncClient, Client, Retry

from .fake_broker import FakeBroker


class Pauses(list[float]):
    """Instead of sleeping: what was slept, on a clock of its own."""

    async def sleep(self, seconds: float) -> None:
        self.append(seconds)

    def clock(self) -> float:
        return sum(self)


@pytest.fixture
def broker() -> Iterator[FakeBroker]:
    fake = FakeBroker()
    yield fake
    fake.stop()


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def retry(pauses: Pauses) -> Retry:
    return Retry(sleep=pauses.sleep, clock=pauses.clock, random=lambda: 0.5)


@pytest.fixture
async def client(broker: FakeBroker, retry: Retry) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(broker.url, "flt_secret", retry=retry) as client:
        yield client


@pytest.fixture
def blocking(broker: FakeBroker, retry: Retry) -> Iterator[Client]:
    with Client(broker.url, "flt_secret", retry=retry) as client:
        yield client
