"""The host's token is replaced when it is old: on disk first, mode 0600, then used."""

import os
import time

import pytest
from conftest import StartAgent
from pull_broker import CREDENTIAL, PullBroker

from broker.errors import Unavailable
from workers.broker_api import BrokerApi
from workers.credential import DAY_SECONDS, Credential
from workers.state_directory import Identity, StateDirectory


@pytest.fixture
def joined(broker: PullBroker, state: StateDirectory) -> StateDirectory:
    """A host that joined forty days ago."""
    state.save_identity(Identity(url=broker.url, host=1, token=CREDENTIAL))
    then = time.time() - 40 * DAY_SECONDS
    os.utime(state.path / "host.json", (then, then))
    return state


def kept(state: StateDirectory) -> str:
    identity = state.load_identity()
    assert identity is not None
    return identity.token


async def test_an_old_token_is_replaced_and_the_new_one_used(
    broker: PullBroker, start_agent: StartAgent, joined: StateDirectory
) -> None:
    async with start_agent():
        await broker.until(lambda: broker.retired == {CREDENTIAL})
        key = broker.submit("true")
        await broker.until(lambda: key in broker.reports)
    assert "flh_number-2" in broker.shown
    assert kept(joined) == "flh_number-2"
    assert (joined.path / "host.json").stat().st_mode & 0o777 == 0o600
    assert broker.retired == {CREDENTIAL}  # once


async def test_a_young_token_stays(
    broker: PullBroker, start_agent: StartAgent, joined: StateDirectory
) -> None:
    for options in ({"token_days_max": 50}, {"token_days_max": 0}):
        key = broker.submit("true")
        async with start_agent(**options):
            await broker.until(lambda key=key: key in broker.reports)
    assert broker.retired == set()
    assert kept(joined) == CREDENTIAL


async def test_the_new_token_is_on_disk_before_it_is_used(
    broker: PullBroker, joined: StateDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: StateDirectory, identity: Identity) -> None:
        raise OSError("no space left")

    async with BrokerApi(broker.url, CREDENTIAL) as api:
        credential = Credential(api, 1, joined, 30)
        with monkeypatch.context() as patched:
            patched.setattr(StateDirectory, "save_identity", full)
            with pytest.raises(OSError, match="no space"):
                await credential.rotate()
        assert api.token == kept(joined) == CREDENTIAL  # which works on for a day
        await credential.rotate()
        assert api.token == kept(joined) == "flh_number-3"


async def test_a_broker_that_is_away_leaves_the_token_as_it_is(
    broker: PullBroker, joined: StateDirectory
) -> None:
    broker.away = True
    async with BrokerApi(broker.url, CREDENTIAL) as api:
        with pytest.raises(Unavailable):
            await Credential(api, 1, joined, 30).rotate()
        assert api.token == kept(joined) == CREDENTIAL


async def test_a_host_that_has_not_joined_replaces_nothing(
    broker: PullBroker, state: StateDirectory
) -> None:
    async with BrokerApi(broker.url, CREDENTIAL) as api:
        await Credential(api, 1, state, 30).rotate()
    assert broker.retired == set()
