"""Data roots with real agents: read and written where the host allows it, refused elsewhere."""

from pathlib import Path
from typing import Any

from tests.api.lab import bind, project, root
from tests.api.scene import scientist
from tests.support.http import Http
from tests.support.real_agents import real_agent
from tests.support.running import Running
from tests.support.until import until

COUNTS = """
import os, pathlib
text = pathlib.Path("movie").read_text()
pathlib.Path("size.txt").write_text(str(len(text)))
(pathlib.Path(os.environ["FAIRLEAD_OUTPUT_DIR"]) / "large").write_text(text * 2)
"""
SPEC = {
    "command": ["{python}", "main.py"],
    "files": {"main.py": COUNTS},
    "inputs": {"movie": {}},
    "outputs": {"size.txt": {}},
}


async def ended(http: Http, job: str) -> dict[str, Any]:
    """The job, once it has ended."""
    found: dict[str, Any] = {}

    async def over() -> bool:
        found.update((await http.get(f"/v1/jobs/{job}")).expect(200))
        return found["finished_at"] is not None

    await until(over, 60)
    return found


async def submitted(broker: Running, folder: Path) -> tuple[Http, str]:
    """A job that reads a file below a root and writes another one there."""
    (folder / "set").mkdir(parents=True)
    (folder / "set" / "a.mrc").write_text("12345")
    (folder / "out").mkdir()
    await broker.app("counts", SPEC)
    ann = await scientist(broker)
    where = await project(broker, "em", {"ann": "executor"})
    await root(broker, "lab1", path=str(folder), access={"ann": "editor"})
    await bind(broker, where, "lab1", "write")
    job = {"inputs": {"movie": {"data": "lab1:set/a.mrc"}}}
    body = {"app": "counts", "project": where, "outputs_to": "lab1:out", "jobs": [job]}
    receipt = (await ann.post("/v1/batches", body)).expect(201)
    return ann, receipt["first_job"]


async def test_a_job_reads_and_writes_below_its_root_on_a_single_labs_host(
    broker: Running, tmp_path: Path
) -> None:
    ann, job = await submitted(broker, tmp_path / "lab")
    async with real_agent(broker, tmp_path, "node", data_roots="allow"):
        found = await ended(ann, job)
    assert (found["state"], [a["message"] for a in found["attempts"]]) == ("succeeded", [""])
    assert (await ann.get(f"/v1/jobs/{job}/outputs/size.txt")).content == b"5"
    assert (tmp_path / "lab" / "out" / "large").read_text() == "1234512345"


async def test_a_host_that_cannot_confine_the_job_refuses_it(
    broker: Running, tmp_path: Path
) -> None:
    ann, job = await submitted(broker, tmp_path / "lab")
    async with real_agent(broker, tmp_path, "node"):
        found = await ended(ann, job)
    assert (found["state"], len(found["attempts"])) == ("failed", 1)
    assert "cannot confine a job to its data roots" in found["attempts"][0]["message"]
    assert list((tmp_path / "lab" / "out").iterdir()) == []
