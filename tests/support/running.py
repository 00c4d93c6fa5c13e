"""A running broker with the things that nearly every test needs."""

from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession

from broker.main import Broker
from broker.services.context import Services
from broker.services.people import bootstrap
from tests.support.agent import Agent
from tests.support.http import Http

SLEEP = {
    "command": ["{python}", "-c", "import sys, time; time.sleep(float(sys.argv[1]))", "{seconds}"],
    "parameters": {"seconds": {"type": "number", "default": 0, "minimum": 0}},
}


@dataclass
class Running:
    """A broker, its first admin, and makers of accounts, apps and hosts."""

    broker: Broker
    session: ClientSession
    admin: Http

    @property
    def url(self) -> str:
        return self.broker.url

    @property
    def services(self) -> Services:
        return self.broker.services

    @property
    def anonymous(self) -> Http:
        return Http(self.url, self.session)

    async def client(
        self,
        name: str,
        *,
        quota: float | None = None,
        apps: dict[str, Any] | None = None,
        **rights: bool,
    ) -> Http:
        """A new account with a token.

        Args:
            quota: its quota; the default one when None.
            apps: per-app privileges, e.g. {"sleep": {"submit": True}}.
            rights: global privileges, e.g. submit_all_apps=True.
        """
        (await self.admin.post("/v1/accounts", {"name": name})).expect(201)
        if rights:
            (await self.admin.put(f"/v1/accounts/{name}/privileges", rights)).expect(200)
        if quota is not None:
            (await self.admin.patch(f"/v1/accounts/{name}/quota", {"quota": quota})).expect(200)
        for app, privileges in (apps or {}).items():
            reply = await self.admin.put(f"/v1/apps/{app}/privileges/{name}", privileges)
            reply.expect(200)
        secret = (await self.admin.post(f"/v1/accounts/{name}/tokens", {})).expect(201)
        return Http(self.url, self.session, secret["token"])

    async def app(self, name: str = "sleep", spec: dict[str, Any] | None = None) -> dict[str, Any]:
        """A new app with one published version."""
        (await self.admin.post("/v1/apps", {"name": name})).expect(201)
        reply = await self.admin.post(f"/v1/apps/{name}/versions", {"spec": spec or SLEEP})
        version: dict[str, Any] = reply.expect(201)
        return version

    async def agent(self, name: str = "host", *, owner: Http | None = None, **facts: Any) -> Agent:
        """A host that joined, played by the test: it polls and reports when told to."""
        owner = owner or self.admin
        pool = facts.pop("pool", "default")
        enrollment = (await owner.post("/v1/enrollments", {"pool": pool})).expect(201)
        door = Http(self.url, self.session, enrollment["token"])
        described = {"name": name, "cpus": 8, "memory_mib": 32_000, "slots": 4, **facts}
        joined = (await door.post("/v1/hosts:enroll", {"facts": described})).expect(201)
        return Agent(Http(self.url, self.session, joined["token"]), joined["host"], described)


async def admin_of(broker: Broker, session: ClientSession) -> Http:
    """A caller with every global privilege."""
    async with broker.services.database.transaction() as connection:
        token = await bootstrap.admin_token(connection, "admin")
    return Http(broker.url, session, token)
