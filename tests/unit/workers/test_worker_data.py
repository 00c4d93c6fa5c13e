"""Data roots on a host: refused where a job cannot be confined, else linked into its directory."""

from pathlib import Path

import pytest
from conftest import StartAgent
from pull_broker import PullBroker

from broker.protocol.apps import InputSpec, OutputSpec, VersionSpec
from broker.protocol.batches import InputContent
from broker.protocol.data import LeasedData
from broker.protocol.leases import Report
from broker.protocol.nodes import Mode
from broker.protocol.states import Outcome

SPEC = VersionSpec(
    command=["sh", "-c", "cat movie > seen; echo done > $FAIRLEAD_OUTPUT_DIR/new"],
    files={"movie": "of the version"},
    inputs={"movie": InputSpec()},
    outputs={"seen": OutputSpec()},
)


def use(root: Path, path: str, name: str | None = "movie", mode: Mode = Mode.READ) -> LeasedData:
    """A place below a root, as the broker would name it."""
    return LeasedData(
        input=name,
        root=9,
        path=path,
        mode=mode,
        root_path=str(root),
        uid=5001,
        gid=6001,
        public=False,
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data root with a file, a directory, and two links out of it."""
    root = tmp_path / "lab"
    (root / "set").mkdir(parents=True)
    (root / "set" / "a.mrc").write_text("pixels")
    (root / "out").mkdir()
    (tmp_path / "secret").write_text("another lab's")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "up").symlink_to(tmp_path)
    return root


async def reported(broker: PullBroker, start_agent: StartAgent, **more: object) -> Report:
    """What becomes of a job, on a host where data roots are allowed unless it says otherwise."""
    allowed = str(more.pop("data_roots", "allow"))
    inputs = {"movie": InputContent(data="lab:set/a.mrc")}
    key = broker.submit(spec=SPEC, inputs=inputs, **more)  # type: ignore[arg-type]
    async with start_agent(data_roots=allowed):
        await broker.until(lambda: key in broker.reports)
    return broker.reports[key]


async def test_an_executor_that_cannot_confine_refuses_the_job(
    broker: PullBroker, start_agent: StartAgent, root: Path
) -> None:
    places = [use(root, "set/a.mrc"), use(root, "out", None, Mode.WRITE)]
    report = await reported(broker, start_agent, data=places, data_roots="refuse")
    assert report.outcome is Outcome.FAILED
    assert "'process' cannot confine a job to its data roots" in report.message
    assert not (root / "out" / "new").exists()


async def test_on_a_single_labs_host_inputs_are_linked_and_outputs_written(
    broker: PullBroker, start_agent: StartAgent, root: Path
) -> None:
    places = [use(root, "set/a.mrc"), use(root, "out", None, Mode.WRITE)]
    report = await reported(broker, start_agent, data=places)
    assert (report.outcome, report.message) == (Outcome.SUCCEEDED, "")
    assert (root / "out" / "new").read_text() == "done\n"
    assert next(iter(broker.outputs.values())) == b"pixels"
    assert (root / "set" / "a.mrc").read_text() == "pixels"  # only the link went with the attempt


async def test_what_the_broker_refuses_is_reported_as_failed(
    broker: PullBroker, start_agent: StartAgent
) -> None:
    said = "the data root is not bound to the project"
    report = await reported(broker, start_agent, refused=said)
    assert (report.outcome, report.message) == (Outcome.FAILED, said)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("link", "leads out of its root"),
        ("up/secret", "leads out of its root"),
        ("nothing", "no such file or directory"),
        ("set/a.mrc/x", "not a directory"),
    ],
)
async def test_a_place_that_is_not_below_its_root_is_refused(
    broker: PullBroker, start_agent: StartAgent, root: Path, path: str, reason: str
) -> None:
    report = await reported(broker, start_agent, data=[use(root, path)])
    assert report.outcome is Outcome.FAILED
    assert reason in report.message


async def test_outputs_go_to_a_directory_only(
    broker: PullBroker, start_agent: StartAgent, root: Path
) -> None:
    places = [use(root, "set/a.mrc"), use(root, "set/a.mrc", None, Mode.WRITE)]
    report = await reported(broker, start_agent, data=places)
    assert report.outcome is Outcome.FAILED
    assert "is no directory" in report.message


async def test_a_root_that_the_host_does_not_have_is_the_hosts_fault(
    broker: PullBroker, start_agent: StartAgent, tmp_path: Path
) -> None:
    report = await reported(broker, start_agent, data=[use(tmp_path / "absent", "a")])
    assert report.outcome is Outcome.HOST_ERROR
    assert "data root" in report.message
