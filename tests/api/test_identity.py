"""The seam for other identity providers: one that knows accounts by a password file's name, say."""

from dataclasses import dataclass, field

import pytest

from broker.errors import Unauthenticated
from broker.protocol.ids import AccountId
from broker.protocol.scopes import TokenScope
from broker.services.requests.identity import Holder
from tests.api.scene import scientist, submit
from tests.api.test_access import account_of, ids
from tests.support.http import Http
from tests.support.running import Running


@dataclass
class Badges:
    """The smallest provider there can be: `Authorization: Badge <number>`."""

    accounts: dict[str, AccountId] = field(default_factory=dict)
    forgotten: int = 0

    def recognises(self, authorization: str) -> bool:
        return authorization.startswith("Badge ")

    async def holder(self, authorization: str) -> Holder:
        badge = authorization.removeprefix("Badge ")
        if badge not in self.accounts:
            raise Unauthenticated("no such badge")
        scopes = {TokenScope.READ} if badge.startswith("visitor") else {TokenScope.ALL}
        return Holder(self.accounts[badge], scopes=frozenset(scopes))

    def forget(self) -> None:
        self.forgotten += 1


@pytest.fixture
async def badges(broker: Running) -> Badges:
    provider = Badges()
    broker.services.identity.providers = [*broker.services.identity.providers, provider]
    return provider


def with_badge(broker: Running, badge: str) -> Http:
    return Http(broker.url, broker.session, headers={"Authorization": f"Badge {badge}"})


async def test_another_provider_joins_without_touching_a_rule(
    broker: Running, badges: Badges
) -> None:
    await broker.app()
    ann = await scientist(broker)
    badges.accounts = {"17": AccountId(await account_of(ann)), "visitor": AccountId(1)}
    own, visitor = with_badge(broker, "17"), with_badge(broker, "visitor")
    me = (await own.get("/v1/me")).expect(200)
    assert (me["account"]["name"], me["token"]) == ("ann", None)
    batch = await submit(own)
    assert await ids(ann, "/v1/batches") == [batch]
    assert await ids(visitor, "/v1/batches") == [batch]  # an admin's badge that only reads
    (await visitor.post(f"/v1/batches/{batch}:cancel")).problem(403, "forbidden")
    (await with_badge(broker, "18").get("/v1/me")).problem(401, "unauthenticated")
    (await broker.anonymous.get("/v1/me")).problem(401, "unauthenticated")


async def test_its_accounts_end_like_all_others(broker: Running, badges: Badges) -> None:
    ann = await broker.client("ann")
    badges.accounts = {"17": AccountId(await account_of(ann))}
    own = with_badge(broker, "17")
    (await own.get("/v1/me")).expect(200)
    before = badges.forgotten
    (await broker.admin.post("/v1/accounts/ann:suspend")).expect(200)
    (await own.get("/v1/me")).problem(401, "unauthenticated")
    assert badges.forgotten > before
    (await broker.admin.post("/v1/accounts/ann:resume")).expect(200)
    # what it makes is bounded by nothing of ours: it has no token
    made = (await own.post("/v1/accounts/ann/tokens", {})).expect(201)
    (await Http(broker.url, broker.session, made["token"]).get("/v1/me")).expect(200)
