"""`fairlead demo` in small: real servers, a real worker, real jobs."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import orjson
import pytest
from rich.console import Console

from broker import demo
from broker.demo import Design
from broker.demo.stage import set_up
from broker.errors import StartupError
from tests.support.until import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

SMALL = Design(
    temperatures=(1.5, 2.0, 3.5), chains_per_10_quota=1, size=32, sweeps=300, warm_up_sweeps=50
)
SECONDS_MAX = 200


@pytest.fixture
def private(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The private directories that the demo makes."""
    made: list[Path] = []
    make = tempfile.mkdtemp

    def recorded(*args: str | None, **kwargs: str | None) -> str:
        folder = make(*args, **kwargs)
        if "fairlead-demo-" in folder:
            made.append(Path(folder))
        return folder

    monkeypatch.setattr(tempfile, "mkdtemp", recorded)
    return made


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A directory that the servers' unprivileged account may enter, unlike pytest's own."""
    place = Path(tempfile.mkdtemp(prefix="fairlead-tests-", dir="/tmp"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


async def test_three_scientists_compute_and_share(
    tmp_path: Path, private: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    console = Console(file=StringIO(), width=100)
    code = await demo.run(None, tmp_path, SECONDS_MAX, True, console, design=SMALL, slots=2)

    (document,) = capsys.readouterr().out.splitlines()
    told = orjson.loads(document)
    assert told["jobs"] == told["jobs_succeeded"] == 30
    assert set(told["shares"]) == {"ada", "ben", "cleo"}
    assert sum(told["shares"].values()) == pytest.approx(1)
    assert told["deviation_max"] < 0.02
    assert told["energy_deviation_max"] < 0.02
    assert [point["runs"] for point in told["points"]] == [10, 10, 10]
    # Thirty jobs are too few for two points; nothing else may be wrong.
    assert all("points from the quotas" in fault for fault in told["faults"])
    assert code == (1 if told["faults"] else 0)
    pictures = [str(tmp_path / name) for name in ("magnetisation.png", "shares.png")]
    assert told["pictures"] == pictures
    assert all(os.path.getsize(picture) > 10_000 for picture in pictures)
    assert private
    assert not any(os.path.exists(place) for place in private)


async def test_a_failing_job_ends_the_demo_with_its_own_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    console = Console(file=StringIO(), width=100)
    impossible = Design(temperatures=(2.0,), chains_per_10_quota=1, size=15)
    code = await demo.run(None, tmp_path, SECONDS_MAX, False, console, design=impossible, slots=2)
    assert code == 1
    assert isinstance(console.file, StringIO)
    text = console.file.getvalue()
    assert "the size must be even and at least 2, not 15" in text  # from the job's stderr
    assert "jobs failed" in text
    assert capsys.readouterr().out == ""


async def test_an_interrupt_leaves_nothing_behind(tmp_path: Path, private: list[Path]) -> None:
    console = Console(file=StringIO(), width=100)
    long = Design(chains_per_10_quota=50)
    playing = asyncio.create_task(
        demo.run(None, tmp_path, SECONDS_MAX, False, console, design=long, slots=2)
    )
    await until_working(tmp_path / "fairlead.log")
    os.kill(os.getpid(), signal.SIGINT)
    assert await playing == 130
    assert private
    assert not any(os.path.exists(place) for place in private)


async def test_servers_of_others_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRLEAD_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/precious")
    with pytest.raises(StartupError, match="unset FAIRLEAD_DATABASE_URL"):
        await demo.run(None, tmp_path, SECONDS_MAX, False, Console(file=StringIO()))


async def until_working(log: Path) -> None:
    """Waits until the worker has joined."""
    await until(lambda: asyncio.to_thread(_has_worker, log), 120)


def _has_worker(log: Path) -> bool:
    return log.exists() and '"event": "ready"' in log.read_text()


async def test_a_directory_of_another_broker_is_refused(tmp_path: Path, open_place: Path) -> None:
    console = Console(file=StringIO(), width=100)
    directory = open_place / "data"
    async with set_up(directory, tmp_path / "first.log", slots=1):
        pass
    with pytest.raises(StartupError, match="another broker"):
        await demo.run(directory, tmp_path, SECONDS_MAX, False, console, design=SMALL, slots=1)
