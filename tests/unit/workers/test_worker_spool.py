"""Reports on disk, and sending them."""

import asyncio
from pathlib import Path

import pytest
from pull_broker import CREDENTIAL, PullBroker

from broker.errors import FairleadError, InvalidInput
from broker.protocol.leases import Report, ReportAnswer, ReportRequest, ReportResponse
from broker.protocol.states import AnswerStatus, Outcome
from workers.backoff import Backoff
from workers.broker_api import BrokerApi
from workers.leases import Key
from workers.reporter import Reporter
from workers.spool import Spool


def report(job: int) -> Report:
    return Report(job=job, epoch=1, outcome=Outcome.SUCCEEDED, exit_code=0)


def spooled(directory: Path) -> list[str]:
    return [path.name for path in directory.glob("*.json")]


def test_reports_survive_the_process(tmp_path: Path) -> None:
    Spool(tmp_path).write([report(1), report(2)])
    Spool(tmp_path).write([report(3)])
    groups = Spool(tmp_path).load()
    assert [[r.job for r in group.reports] for group in groups] == [[1, 2], [3]]


def test_answered_group_is_gone(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.remove(spool.write([report(1)]))
    assert Spool(tmp_path).load() == []


def test_new_process_never_overwrites_what_is_there(tmp_path: Path) -> None:
    first = Spool(tmp_path).write([report(1)])
    second = Spool(tmp_path).write([report(2)])
    assert first.path != second.path


@pytest.mark.parametrize("cut", [0, 1, 10, -1])
def test_half_written_file_is_never_read(tmp_path: Path, cut: int) -> None:
    """A crash leaves either a part under its temporary name, or the whole file."""
    group = Spool(tmp_path).write([report(1)])
    assert group.path
    whole = group.path.read_bytes()
    (tmp_path / "0000000000000002.json.part").write_bytes(whole[:cut])
    assert [g.reports[0].job for g in Spool(tmp_path).load()] == [1]
    assert not list(tmp_path.glob("*.part"))


def test_damaged_file_is_set_aside_and_the_rest_is_sent(tmp_path: Path) -> None:
    (tmp_path / "0000000000000001.json").write_bytes(b'[{"job": ')
    spool = Spool(tmp_path)
    spool.write([report(2)])
    assert [g.reports[0].job for g in spool.load()] == [2]
    assert (tmp_path / "0000000000000001.damaged").exists()


def test_file_is_private(tmp_path: Path) -> None:
    group = Spool(tmp_path).write([report(1)])
    assert group.path
    assert group.path.stat().st_mode & 0o077 == 0


class Counted(Backoff):
    """Knows what went wrong so far."""

    def __init__(self, *seconds: float) -> None:
        super().__init__(*seconds)
        self.errors: list[FairleadError] = []

    def after(self, error: FairleadError) -> float:
        self.errors.append(error)
        return super().after(error)


class Desk:
    """A reporter whose broker is a function."""

    def __init__(self, directory: Path) -> None:
        self.answered: dict[Key, AnswerStatus | None] = {}
        self.kept: list[int] = []
        self.calls: list[list[int]] = []
        self.failures: list[FairleadError] = []
        self.poison: set[int] = set()
        self.ignored: set[int] = set()
        self.during_first_call: list[Report] = []
        self.extra = 0
        self.spooled = asyncio.Event()
        self.done = asyncio.Event()
        self.expected = 0
        self.backoff = Counted(0.001, 0.01)
        self.reporter = Reporter(
            self,  # type: ignore[arg-type]
            Spool(directory),
            self._kept,
            self._answer,
            self.backoff,
        )

    def _kept(self, report: Report) -> None:
        self.kept.append(report.job)
        if len(self.kept) > 1:
            self.spooled.set()

    async def report(self, request: ReportRequest) -> ReportResponse:
        jobs = [r.job for r in request.reports]
        self.calls.append(jobs)
        for each in self.during_first_call:
            self.reporter.add(each)
            await self.spooled.wait()
        self.during_first_call = []
        if self.failures:
            raise self.failures.pop(0)
        if self.poison & set(jobs):
            raise InvalidInput("no")
        return ReportResponse(
            answers=[
                ReportAnswer(job=job, epoch=1, status=AnswerStatus.OK)
                for job in jobs
                if job not in self.ignored
            ]
        )

    def _answer(self, key: Key, status: AnswerStatus | None) -> None:
        self.answered[key] = status
        if len(self.answered) >= self.expected:
            self.done.set()

    async def send(self, *reports: Report) -> None:
        self.expected = len(reports) + self.extra
        for each in reports:
            self.reporter.add(each)
        running = asyncio.create_task(self.reporter.run())
        try:
            async with asyncio.timeout(10):
                await self.done.wait()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_what_ended_together_is_one_call(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.send(*map(report, range(50)))
    assert desk.calls == [list(range(50))]
    assert desk.kept == list(range(50))
    assert spooled(tmp_path) == []


async def test_call_carries_at_most_a_thousand(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.send(*map(report, range(2_500)))
    assert sorted(map(len, desk.calls)) == [500, 1_000, 1_000]


async def test_failure_is_repeated_until_answered(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.failures = [FairleadError("internal error"), FairleadError("again")]
    await desk.send(report(1))
    assert desk.answered == {Key(1, 1): AnswerStatus.OK}


async def test_reports_that_come_during_a_call_are_no_failure(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.during_first_call = [report(2)]
    desk.extra = 1
    await desk.send(report(1))
    assert desk.calls == [[1], [2]]
    assert desk.backoff.errors == []


async def test_a_group_stays_on_disk_until_its_last_report_is_answered(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.ignored = {2}
    desk.extra = -1
    await desk.send(report(1), report(2))
    assert desk.answered == {Key(1, 1): AnswerStatus.OK}
    assert [r.job for group in Spool(tmp_path).load() for r in group.reports] == [1, 2]


async def test_unacceptable_report_does_not_hold_up_the_others(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.poison = {2}
    await desk.send(*map(report, (1, 2, 3)))
    assert desk.answered == {
        Key(1, 1): AnswerStatus.OK,
        Key(2, 1): None,
        Key(3, 1): AnswerStatus.OK,
    }
    assert spooled(tmp_path / "refused") == ["job_2-1.json"]
    assert spooled(tmp_path) == []


async def test_full_disk_still_sends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Spool, reports: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Spool, "write", full)
    desk = Desk(tmp_path)
    await desk.send(report(1))
    assert desk.answered == {Key(1, 1): AnswerStatus.OK}


async def test_repeated_report_is_stored_once(broker: PullBroker) -> None:
    key = broker.submit("true")
    broker.leased[key] = broker.queue.pop()
    request = ReportRequest(reports=[report(key[0])])
    async with BrokerApi(broker.url, CREDENTIAL) as api:
        first = await api.report(request)
        again = await api.report(request)
    assert first.answers[0].status is AnswerStatus.OK
    assert again.answers[0].status is AnswerStatus.STORED
