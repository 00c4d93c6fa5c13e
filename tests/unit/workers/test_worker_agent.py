"""The agent against a broker over HTTP: polling, running, keeping leases, leaving."""

import asyncio
import hashlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import StartAgent
from pull_broker import PullBroker

from broker.errors import Unauthenticated
from broker.protocol.apps import OutputSpec, VersionSpec
from broker.protocol.batches import InputContent
from broker.protocol.leases import Report
from broker.protocol.resources import Gpu, JobLimits, Resources
from broker.protocol.states import Outcome
from workers.agent import Agent
from workers.clock import boot_clock
from workers.spool import Spool
from workers.state_directory import StateDirectory

FOREVER = ("sh", "-c", "echo ready; exec sleep 600")


class Gate:
    """A job that reads a line from it waits until the test lets it go."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        self._end = os.open(path, os.O_RDWR)

    def open(self) -> None:
        os.write(self._end, b"go\n")

    def close(self) -> None:
        os.close(self._end)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(tmp_path / "gate")
    yield gate
    gate.close()


def says_ready(broker: PullBroker, key: tuple[int, int]) -> bool:
    return broker.logs[(*key, "stdout")].startswith(b"ready")


async def left(agent: Agent) -> None:
    """Let the agent leave in good order: then every answer it got has had its effect."""
    agent.drain()
    await agent.finished


async def test_job_runs_and_is_reported(broker: PullBroker, start_agent: StartAgent) -> None:
    key = broker.submit("sh", "-c", "echo hello; echo oops >&2; exit 3")
    async with start_agent():
        await broker.until(lambda: key in broker.reports)
    report = broker.reports[key]
    assert (report.outcome, report.exit_code) == (Outcome.FAILED, 3)
    assert report.message == "exit code 3: oops"
    assert report.usage.wall_seconds > 0
    assert broker.logs[(*key, "stdout")] == b"hello\n"
    assert broker.logs[(*key, "stderr")] == b"oops\n"


async def test_job_gets_parameters_files_inputs_and_leaves_outputs(
    broker: PullBroker, start_agent: StartAgent
) -> None:
    content = b"bulk" * 1000
    digest = hashlib.sha256(content).hexdigest()
    broker.inputs[digest] = content
    script = "cat parameters.json note bulk $1 > result; echo $2 $3 >> result"
    spec = VersionSpec(
        command=["sh", "-c", script, "sh", "{file}", "{{x}}", "{flag}"],
        files={"table.txt": "from the version"},
        outputs={"result": OutputSpec(), "extra": OutputSpec(required=False)},
    )
    key = broker.submit(
        spec=spec,
        parameters={"file": "table.txt", "flag": True},
        inputs={"note": InputContent(text="inline"), "bulk": InputContent(sha256=digest)},
    )
    async with start_agent():
        await broker.until(lambda: key in broker.reports)
    assert broker.reports[key].message == ""
    result = broker.outputs[(*key, "result")]
    assert b'"flag": true' in result
    assert result.endswith(b"inline" + content + b"from the version{x} true\n")
    assert [file.name for file in broker.reports[key].outputs] == ["result"]
    assert broker.reports[key].outputs[0].sha256 == hashlib.sha256(result).hexdigest()


async def test_missing_output_is_named(broker: PullBroker, start_agent: StartAgent) -> None:
    spec = VersionSpec(command=["true"], outputs={"answer.csv": OutputSpec()})
    key = broker.submit(spec=spec)
    async with start_agent():
        await broker.until(lambda: key in broker.reports)
    assert broker.reports[key].outcome is Outcome.OUTPUT_INVALID
    assert "answer.csv" in broker.reports[key].message


async def test_corrupt_input_is_a_fault_of_the_host(
    broker: PullBroker, start_agent: StartAgent
) -> None:
    broker.inputs["0" * 64] = b"something else"
    key = broker.submit("true", inputs={"data": InputContent(sha256="0" * 64)})
    async with start_agent():
        await broker.until(lambda: key in broker.reports)
    assert broker.reports[key].outcome is Outcome.HOST_ERROR
    assert "data" in broker.reports[key].message


async def test_freed_slot_asks_at_once(broker: PullBroker, start_agent: StartAgent) -> None:
    keys = [broker.submit("true") for _ in range(20)]
    async with start_agent(slots=1):  # a poll is held for 30 s: without asking anew this hangs
        await broker.until(lambda: all(key in broker.reports for key in keys), seconds=25)


async def test_prefetch_asks_for_more_than_is_free(
    broker: PullBroker, start_agent: StartAgent
) -> None:
    keys = [broker.submit(*FOREVER) for _ in range(5)]
    async with start_agent(slots=1, prefetch=3):
        await broker.until(lambda: len(broker.leased) == 4)
        await broker.until(lambda: any(len(poll.holding) == 4 for poll in broker.polls))
        assert broker.polls[0].free_slots == 4
        await broker.until(lambda: says_ready(broker, keys[0]))
        assert not says_ready(broker, keys[1])


async def test_start_is_announced_and_lease_renewed(
    broker: PullBroker, start_agent: StartAgent
) -> None:
    broker.lease_seconds = 3.0
    key = broker.submit(*FOREVER)
    async with start_agent():
        await broker.until(lambda: key in broker.running)
        count = len(broker.renewals)
        await broker.until(lambda: len(broker.renewals) >= count + 2)
        assert key in broker.leased
        assert key not in broker.reports


async def test_fenced_job_is_killed_and_never_reported(
    broker: PullBroker, start_agent: StartAgent, state: StateDirectory
) -> None:
    broker.lease_seconds = 0.9
    key = broker.submit("sh", "-c", "trap '' TERM; echo ready $$; while :; do sleep 1; done")
    async with start_agent() as agent:
        await broker.until(lambda: says_ready(broker, key))
        pid = int(broker.logs[(*key, "stdout")].split()[1])
        broker.fence(key)
        await asyncio.to_thread(wait_for_death, pid)
        await left(agent)
    assert key not in broker.reports
    assert broker.report_calls == []
    assert list(state.spool.glob("*.json")) == []


async def test_fence_met_while_uploading_means_no_report(
    broker: PullBroker, start_agent: StartAgent, gate: Gate
) -> None:
    script = f"echo ready; read line < {gate.path}; echo 42 > answer"
    spec = VersionSpec(command=["sh", "-c", script], outputs={"answer": OutputSpec()})
    key = broker.submit(spec=spec)
    async with start_agent() as agent:
        await broker.until(lambda: says_ready(broker, key))
        broker.fence(key)
        gate.open()
        await left(agent)
    assert broker.report_calls == []
    assert not broker.outputs


async def test_cancelled_job_is_killed_and_reported(
    broker: PullBroker, start_agent: StartAgent
) -> None:
    key = broker.submit(*FOREVER)
    async with start_agent():
        await broker.until(lambda: says_ready(broker, key))
        broker.cancel(key)
        await broker.until(lambda: key in broker.reports)
    assert broker.reports[key].outcome is Outcome.CANCELLED
    assert broker.reports[key].exit_code == -signal.SIGTERM


async def test_lapsed_lease_kills_the_job_while_the_broker_is_away(
    broker: PullBroker, start_agent: StartAgent
) -> None:
    broker.lease_seconds = 1.0
    key = broker.submit("sh", "-c", "echo ready $$; exec sleep 600")
    async with start_agent():
        await broker.until(lambda: says_ready(broker, key))
        pid = int(broker.logs[(*key, "stdout")].split()[1])
        broker.away = True
        broker.notify()
        await asyncio.to_thread(wait_for_death, pid)
        broker.away = False
        await broker.until(lambda: key in broker.reports)
    assert broker.reports[key].outcome is Outcome.LOST


def wait_for_death(pid: int) -> None:
    descriptor = os.pidfd_open(pid)
    try:
        os.waitid(os.P_PIDFD, descriptor, os.WEXITED | os.WNOWAIT)
    except ChildProcessError:
        pass
    finally:
        os.close(descriptor)


async def test_reports_wait_while_the_broker_is_away(
    broker: PullBroker, start_agent: StartAgent, state: StateDirectory, gate: Gate
) -> None:
    key = broker.submit("sh", "-c", f"echo ready; read line < {gate.path}")
    async with start_agent() as agent:
        await broker.until(lambda: says_ready(broker, key))
        broker.away = True
        refused = len(broker.report_calls)
        gate.open()
        while not list(state.spool.glob("*.json")):
            await asyncio.to_thread(os.sync)
        assert len(broker.report_calls) == refused
        broker.away = False
        await broker.until(lambda: key in broker.reports)
        await left(agent)
    assert broker.reports[key].outcome is Outcome.SUCCEEDED
    assert list(state.spool.glob("*.json")) == []


async def test_spool_is_sent_after_a_restart(
    broker: PullBroker, start_agent: StartAgent, state: StateDirectory
) -> None:
    key = broker.submit("true")
    broker.leased[key] = broker.queue.pop()
    report = Report(job=key[0], epoch=key[1], outcome=Outcome.SUCCEEDED, exit_code=0)
    Spool(state.spool).write([report])
    async with start_agent() as agent:
        await broker.until(lambda: key in broker.reports)
        assert [(k.job, k.epoch) for k in broker.polls[0].holding] == [key]
        await left(agent)
    assert broker.reports[key] == report
    assert list(state.spool.glob("*.json")) == []


async def test_drain_hands_back_what_waits_and_lets_the_rest_finish(
    broker: PullBroker, start_agent: StartAgent, gate: Gate
) -> None:
    first = broker.submit("sh", "-c", f"echo ready; read line < {gate.path}")
    second = broker.submit("true")
    async with start_agent(slots=1, prefetch=1) as agent:
        await broker.until(lambda: says_ready(broker, first) and second in broker.leased)
        await broker.until(lambda: any(len(poll.holding) == 2 for poll in broker.polls))
        agent.drain()
        await broker.until(lambda: second in broker.reports)
        assert broker.polls[-1].free_slots == 0  # told before, or it would be leased here again
        assert first not in broker.reports
        late = broker.submit("true")
        gate.open()
        await agent.finished
    assert broker.reports[second].outcome is Outcome.PREEMPTED
    assert broker.reports[first].outcome is Outcome.SUCCEEDED
    assert late not in broker.leased
    assert broker.polls[-1].free_slots == 0


async def test_lease_granted_while_leaving_is_handed_back(
    broker: PullBroker, start_agent: StartAgent
) -> None:
    async with start_agent() as agent:
        await broker.until(lambda: broker.polls)
        key = broker.submit("true")
        broker.leased[key] = broker.queue.pop()  # granted, but the answer never left the broker
        agent.drain()
        await agent.finished
    assert broker.reports[key].outcome is Outcome.PREEMPTED


async def test_second_signal_kills(broker: PullBroker, start_agent: StartAgent) -> None:
    key = broker.submit("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done")
    async with start_agent() as agent:
        await broker.until(lambda: says_ready(broker, key))
        agent.drain()
        agent.drain()
        await agent.finished
    assert broker.reports[key].outcome is Outcome.PREEMPTED
    assert broker.reports[key].exit_code == -signal.SIGKILL


async def test_broker_drains_the_host(broker: PullBroker, start_agent: StartAgent) -> None:
    async with start_agent() as agent:
        await broker.until(lambda: broker.polls)
        broker.drain = True
        broker.notify()
        await agent.finished


async def test_idle_agent_leaves(broker: PullBroker, start_agent: StartAgent) -> None:
    key = broker.submit("true")
    async with start_agent(idle_exit_seconds=1.0) as agent:
        await agent.finished
    assert broker.reports[key].outcome is Outcome.SUCCEEDED


async def test_pilot_hands_back_what_does_not_fit(
    broker: PullBroker, start_agent: StartAgent
) -> None:
    long = broker.submit("true", limits=JobLimits(wall_seconds=3_600))
    short = broker.submit("true", limits=JobLimits(wall_seconds=10))
    async with start_agent(wall_seconds_max=100, drain_seconds=0):
        await broker.until(lambda: long in broker.reports and short in broker.reports)
        assert broker.reports[long].outcome is Outcome.PREEMPTED
        assert broker.reports[short].outcome is Outcome.SUCCEEDED


async def test_pilot_tells_how_long_the_jobs_of_a_poll_may_be(
    broker: PullBroker, start_agent: StartAgent
) -> None:
    async with start_agent(wall_seconds_max=1_000, drain_seconds=0):
        await broker.until(lambda: any(poll.wait_seconds for poll in broker.polls))
    for poll in broker.polls:
        assert poll.wall_seconds_max is not None
        assert 0 <= 1_000 - poll.wait_seconds - poll.wall_seconds_max < 60
    broker.polls.clear()
    async with start_agent():
        await broker.until(lambda: broker.polls)
    assert broker.polls[0].wall_seconds_max is None


async def test_refused_credential_ends_the_agent(
    broker: PullBroker, start_agent: StartAgent
) -> None:
    broker.credential = "flh_another"
    async with start_agent() as agent:
        with pytest.raises(Unauthenticated):
            await agent.finished


async def test_newer_epoch_ends_the_older_run(broker: PullBroker, start_agent: StartAgent) -> None:
    old = broker.submit("sh", "-c", "echo ready; exec sleep 600")
    async with start_agent(slots=2):
        await broker.until(lambda: says_ready(broker, old))
        broker.leased.pop(old)
        new = broker.submit("true", job=old[0], epoch=2)
        await broker.until(lambda: new in broker.reports)
    assert old not in broker.reports


async def test_suspended_machine_stops_its_lapsed_jobs(
    broker: PullBroker, start_agent: StartAgent
) -> None:
    offset = 0.0
    key = broker.submit(*FOREVER)
    async with start_agent(clock=lambda: boot_clock() + offset):
        await broker.until(lambda: says_ready(broker, key))
        offset = 3_600.0
        await broker.until(lambda: key in broker.reports)
    assert broker.reports[key].outcome is Outcome.LOST


class TestWithGpus:
    @pytest.fixture
    def gpus(self) -> list[Gpu]:
        return [
            Gpu(uuid=f"GPU-{n}", model="Fake H100", memory_mib=81_920, compute_capability=9.0)
            for n in range(2)
        ]

    async def test_job_sees_exactly_its_devices(
        self, broker: PullBroker, start_agent: StartAgent
    ) -> None:
        command = ("sh", "-c", 'echo "ready [$CUDA_VISIBLE_DEVICES]"; exec sleep 600')
        keys = [broker.submit(*command, resources=Resources(gpus=1)) for _ in range(2)]
        plain = broker.submit("sh", "-c", 'echo "[$CUDA_VISIBLE_DEVICES]"')
        async with start_agent(slots=1):
            await broker.until(lambda: all(says_ready(broker, key) for key in keys))
            await broker.until(lambda: plain in broker.reports)
            seen = {broker.logs[(*key, "stdout")] for key in keys}
            assert seen == {b"ready [GPU-0]\n", b"ready [GPU-1]\n"}
            assert broker.logs[(*plain, "stdout")] == b"[]\n"
            broker.cancel(keys[0])
            await broker.until(lambda: keys[0] in broker.reports)
        usage = broker.reports[keys[0]].usage
        assert usage.gpu_utilisation == 0.5
        assert usage.gpu_memory_peak_mib == 1024.0

    async def test_job_that_no_device_fits_is_handed_back(
        self, broker: PullBroker, start_agent: StartAgent
    ) -> None:
        need = Resources(gpus=1, gpu_memory_mib=200_000)
        key = broker.submit("true", resources=need)
        async with start_agent():
            await broker.until(lambda: key in broker.reports)
        assert broker.reports[key].outcome is Outcome.HOST_ERROR
        assert "GPU" in broker.reports[key].message
