"""What the tests of batches and jobs begin with: an app, a scientist, work."""

from typing import Any

from tests.support.agent import Agent
from tests.support.http import Http
from tests.support.running import SLEEP, Running

WRITER = {**SLEEP, "outputs": {"result.txt": {"required": False}}}
# Paths below a foreign job, each with its method: all must look absent.
JOB_PATHS = (
    ("GET", ""),
    ("GET", "/explain"),
    ("GET", "/outputs"),
    ("GET", "/outputs/result.txt"),
    ("GET", "/logs/stdout"),
    ("GET", "/logs/stderr?follow=true"),
    ("POST", ":cancel"),
)


async def scientist(broker: Running, name: str = "ann", **more: Any) -> Http:
    """An account that may submit to everything."""
    return await broker.client(name, submit_all_apps=True, **more)


async def submit(http: Http, jobs: int = 1, app: str = "sleep", **more: Any) -> str:
    """A batch; returns its id."""
    body = {"app": app, "jobs": [{"parameters": {"seconds": 0}}] * jobs, **more}
    receipt = (await http.post("/v1/batches", body)).expect(201)
    return str(receipt["id"])


def job_of(batch: str, index: int = 0) -> str:
    """The id of a job of a batch."""
    return f"job_{int(batch.removeprefix('batch_')) + index}"


async def put_output(agent: Agent, lease: dict[str, Any], name: str, content: bytes) -> Any:
    """Uploads an output of a live lease."""
    path = f"/v1/leases/{lease['job']}/{lease['epoch']}/outputs/{name}"
    return (await agent.http.put(path, content)).expect(200)


async def write_log(
    agent: Agent, lease: dict[str, Any], text: bytes, offset: int = 0, stream: str = "stdout"
) -> None:
    """Sends a chunk of a live lease's log."""
    path = f"/v1/leases/{lease['job']}/{lease['epoch']}/logs?stream={stream}&offset={offset}"
    (await agent.http.post(path, text)).expect(200)
