"""Three roles at once, for locust: scientists, agents and an administrator.

Started by `python -m loadtests.run_locust`, which makes the accounts and hosts and hands them over
in the environment: FAIRLEAD_URL is the broker, FAIRLEAD_LOADTEST is JSON with `admin` (a token),
`scientists` ([name, token] each) and `hosts` ([id, token] each, one for every agent).

Each request is named `<role>: <what>`. The long poll has a role of its own, `poll`: its time is
mostly waiting for work.
"""

import os
import random
from itertools import cycle
from typing import Any

import orjson
from locust import HttpUser, between, task
from locust.clients import ResponseContextManager

URL = os.environ["FAIRLEAD_URL"]
CAST = orjson.loads(os.environ["FAIRLEAD_LOADTEST"])
SCIENTISTS = cycle(CAST["scientists"])
HOSTS = iter(CAST["hosts"])
SLOTS_PER_HOST = 50
POLL_SECONDS = 1.0
JOBS_REMEMBERED_MAX = 20
JSON = "application/json"


class Caller(HttpUser):
    """Somebody with a token; an answer with a status of 400 or more is a failure."""

    abstract = True
    host = URL
    token: str

    def ask(self, name: str, method: str, path: str, body: Any = None) -> Any:
        """One request; the parsed answer, or None for a failure."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": JSON}
        data = None if body is None else orjson.dumps(body)
        with self.client.request(
            method, path, data=data, headers=headers, name=name, catch_response=True
        ) as response:
            assert isinstance(response, ResponseContextManager)
            if not response.ok:
                reason = f"{response.status_code} {(response.text or '')[:200]}"
                response.failure(reason)  # type: ignore[no-untyped-call]
                return None
            return orjson.loads(response.content) if response.content else None


class Scientist(Caller):
    """Submits small batches, looks at them, asks why a job waits and how shares stand."""

    weight = 6
    wait_time = between(0.05, 0.25)

    def on_start(self) -> None:
        self.name, self.token = next(SCIENTISTS)
        self.jobs: list[str] = []

    @task(5)
    def submit(self) -> None:
        jobs = [{"parameters": {"x": x}} for x in range(random.randint(1, 10))]
        batch = {"app": "noop", "jobs": jobs}
        if receipt := self.ask("scientist: submit", "POST", "/v1/batches", batch):
            self.jobs = [*self.jobs[1 - JOBS_REMEMBERED_MAX :], receipt["first_job"]]

    @task(2)
    def list_batches(self) -> None:
        self.ask("scientist: list batches", "GET", "/v1/batches?limit=20")

    @task(2)
    def list_jobs(self) -> None:
        self.ask("scientist: list jobs", "GET", "/v1/jobs?limit=50")

    @task(2)
    def why(self) -> None:
        if self.jobs:
            job = random.choice(self.jobs)
            self.ask("scientist: why", "GET", f"/v1/jobs/{job}/explain")

    @task(1)
    def shares(self) -> None:
        self.ask("scientist: shares", "GET", "/v1/shares")


class Agent(Caller):
    """A host: polls, keeps some leases for a while, and reports all of them."""

    weight = 3

    def on_start(self) -> None:
        self.id, self.token = next(HOSTS)
        self.held: list[dict[str, Any]] = []

    @task
    def work(self) -> None:
        poll = {
            "free_slots": SLOTS_PER_HOST - len(self.held),
            "holding": [key(lease) for lease in self.held],
            "wait_seconds": POLL_SECONDS,
        }
        if answer := self.ask("poll: poll", "POST", f"/v1/hosts/{self.id}:poll", poll):
            self.held += answer["leases"]
        if not self.held:
            return
        if random.random() < 0.2:
            self.say("agent: renew", "renew", [{**key(x), "running": True} for x in self.held])
        else:
            done = {"outcome": "succeeded", "exit_code": 0, "usage": {"wall_seconds": 0.01}}
            self.say("agent: report", "report", reports=[{**key(x), **done} for x in self.held])
            self.held = []

    def say(self, name: str, verb: str, leases: Any = None, reports: Any = None) -> None:
        """Renews or reports; whatever is not answered with `ok` is a failure."""
        body = {"reports": reports} if reports else {"leases": leases}
        answer = self.ask(name, "POST", f"/v1/leases:{verb}", body)
        refused = [a for a in answer["answers"] if a["status"] != "ok"] if answer else []
        if refused:
            self.environment.events.request.fire(
                request_type="POST",
                name=name + " (refused)",
                response_time=0,
                response_length=0,
                exception=RuntimeError(str(refused[0])),
                context={},
            )


class Administrator(Caller):
    """Changes quotas and looks at accounts and hosts."""

    weight = 1
    wait_time = between(0.2, 0.6)
    token = CAST["admin"]

    @task(2)
    def change_quota(self) -> None:
        name = random.choice(CAST["scientists"])[0]
        quota = {"quota": random.randint(1, 10)}
        self.ask("admin: change quota", "PATCH", f"/v1/accounts/{name}/quota", quota)

    @task(1)
    def list_accounts(self) -> None:
        self.ask("admin: list accounts", "GET", "/v1/accounts?limit=50")

    @task(1)
    def list_hosts(self) -> None:
        self.ask("admin: list hosts", "GET", "/v1/hosts?limit=50")


def key(lease: dict[str, Any]) -> dict[str, Any]:
    """The words that name a lease."""
    return {"job": lease["job"], "epoch": lease["epoch"]}
