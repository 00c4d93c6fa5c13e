"""An agent that the test plays by hand: it speaks the real protocol and runs nothing."""

import time
from dataclasses import dataclass, field
from typing import Any

from tests.support.http import Http
from tests.support.until import SECONDS_MAX


@dataclass
class Agent:
    """One host. `held` is what it knows of, by (job, epoch)."""

    http: Http
    host: str
    facts: dict[str, Any]
    held: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)

    async def poll(self, free: int | None = None, *, wait: float = 5, **more: Any) -> Any:
        """One poll; remembers the leases that come."""
        body = {
            "free_slots": self.facts["slots"] - len(self.held) if free is None else free,
            "holding": [{"job": job, "epoch": epoch} for job, epoch in self.held],
            "wait_seconds": wait,
            **more,
        }
        reply = (await self.http.post(f"/v1/hosts/{self.host}:poll", body)).expect(200)
        for lease in reply["leases"]:
            self.held[lease["job"], lease["epoch"]] = lease
        return reply

    async def leases(self, count: int = 1, **more: Any) -> list[dict[str, Any]]:
        """Polls until so many new leases have come."""
        got: list[dict[str, Any]] = []
        deadline = time.monotonic() + SECONDS_MAX  # one poll may be too short on a busy machine
        while len(got) < count:
            reply = await self.poll(**more)
            got += reply["leases"]
            assert reply["leases"] or time.monotonic() < deadline, f"{len(got)} of {count} leases"
        return got

    async def report(
        self, leases: list[dict[str, Any]], outcome: str = "succeeded", **more: Any
    ) -> list[str]:
        """Reports leases; returns the status of each answer."""
        reports = [
            {"job": lease["job"], "epoch": lease["epoch"], "outcome": outcome, **more}
            for lease in leases
        ]
        reply = (await self.http.post("/v1/leases:report", {"reports": reports})).expect(200)
        for lease in leases:
            self.held.pop((lease["job"], lease["epoch"]), None)
        return [answer["status"] for answer in reply["answers"]]

    async def renew(self, leases: list[dict[str, Any]], *, running: bool = True) -> Any:
        """Renews leases; returns the answers."""
        items = [
            {"job": lease["job"], "epoch": lease["epoch"], "running": running} for lease in leases
        ]
        return (await self.http.post("/v1/leases:renew", {"leases": items})).expect(200)["answers"]
