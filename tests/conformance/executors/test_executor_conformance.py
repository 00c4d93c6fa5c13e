"""What every executor in the registry must do; see workers/executors/base.py."""

import asyncio
import os
import select
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from workers import processes
from workers.executors import REGISTRY
from workers.executors.base import CannotRun, Cause, Executor, Task

ENVIRONMENT = {"PATH": os.defpath, "GREETING": "hello"}


@pytest.fixture(params=[(name, adopting) for name in REGISTRY for adopting in (False, True)])
def executor(request: pytest.FixtureRequest) -> Executor:
    name, adopting = request.param
    if adopting and not processes.adopt_orphans():
        pytest.skip("this system cannot adopt orphans")
    return REGISTRY[name](grace_seconds=0.3, sample_seconds=0.02, adopting=adopting)


class Desk:
    """Makes tasks in a directory and reads what they print."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tasks = 0
        os.mkfifo(path / "gate")
        self._gate = os.open(path / "gate", os.O_RDONLY | os.O_NONBLOCK)

    def task(
        self, *arguments: str, wall_seconds: float = 60, memory_mib: int = 0, **extra: str
    ) -> Task:
        self.tasks += 1
        attempt = f"{self.path}/attempt-{self.tasks}"
        mark = f"FAIRLEAD_ATTEMPT_DIR={attempt}"
        return Task(
            arguments=arguments,
            environment={**ENVIRONMENT, "FAIRLEAD_ATTEMPT_DIR": attempt, **extra},
            directory=self.path,
            stdout=self.path / "stdout",
            stderr=self.path / "stderr",
            mark=mark,
            wall_seconds=wall_seconds,
            memory_mib=memory_mib,
        )

    def shell(self, script: str, **options: float) -> Task:
        return self.task("sh", "-c", script, **options)

    def python(self, program: str, **options: float) -> Task:
        return self.task(sys.executable, "-c", program, **options)

    @property
    def stdout(self) -> str:
        return (self.path / "stdout").read_text()

    async def opened(self) -> None:
        """Wait until the command writes to the gate (`echo > gate`)."""
        ready = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._gate, ready.set)
        try:
            async with asyncio.timeout(10):
                await ready.wait()
        finally:
            asyncio.get_running_loop().remove_reader(self._gate)

    def close(self) -> None:
        os.close(self._gate)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.close()
    table = processes.table()
    left, _ = processes.marked(table, f"FAIRLEAD_ATTEMPT_DIR={tmp_path}")
    assert not left, "the executor left processes behind"


def dead(pid: int) -> bool:
    """Gone, or dead and waiting to be buried by whoever adopted it."""
    row = processes.table().get(pid)
    return row is None or row.zombie


@pytest.mark.parametrize("code", [0, 1, 3, 255])
async def test_exit_code(executor: Executor, desk: Desk, code: int) -> None:
    ended = await (await executor.start(desk.shell(f"exit {code}"))).wait()
    assert (ended.cause, ended.exit_code) == (Cause.EXITED, code)


async def test_signal_is_a_negative_exit_code(executor: Executor, desk: Desk) -> None:
    ended = await (await executor.start(desk.shell("kill -SEGV $$"))).wait()
    assert (ended.cause, ended.exit_code) == (Cause.EXITED, -signal.SIGSEGV)


async def test_streams_go_to_their_files(executor: Executor, desk: Desk) -> None:
    await (await executor.start(desk.shell("echo out; echo err >&2"))).wait()
    assert desk.stdout == "out\n"
    assert (desk.path / "stderr").read_text() == "err\n"


async def test_arguments_reach_the_command_unchanged(executor: Executor, desk: Desk) -> None:
    nasty = ["a b", "$HOME", "`id`", "; rm -rf x", "ü\n'\"", "*"]
    program = "import sys; print(ascii(sys.argv[1:]))"
    await (await executor.start(desk.task(sys.executable, "-c", program, *nasty))).wait()
    assert desk.stdout.strip() == ascii(nasty)


async def test_environment_is_exactly_the_given_one(
    executor: Executor, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRLEAD_ENROLLMENT_TOKEN", "fle_secret")
    await (await executor.start(desk.task("env"))).wait()
    seen = dict(line.split("=", 1) for line in desk.stdout.splitlines())
    assert seen == {**ENVIRONMENT, "FAIRLEAD_ATTEMPT_DIR": f"{desk.path}/attempt-1"}


async def test_no_open_file_of_the_agent_is_inherited(executor: Executor, desk: Desk) -> None:
    with (desk.path / "secret").open("w"):
        program = "import os; print(sorted(map(int, os.listdir('/proc/self/fd')))[:4])"
        await (await executor.start(desk.python(program))).wait()
    assert desk.stdout.strip() == "[0, 1, 2, 3]"  # 3 is the listing itself


async def test_missing_program_is_the_hosts_fault(executor: Executor, desk: Desk) -> None:
    with pytest.raises(CannotRun, match="no-such-program"):
        await executor.start(desk.task("no-such-program"))


async def test_wall_clock_limit_ends_it(executor: Executor, desk: Desk) -> None:
    ended = await (await executor.start(desk.shell("exec sleep 60", wall_seconds=0.2))).wait()
    assert (ended.cause, ended.exit_code) == (Cause.WALL_LIMIT, -signal.SIGTERM)
    assert 0.2 <= ended.wall_seconds < 30  # long before it ends by itself


async def test_memory_limit_ends_it(executor: Executor, desk: Desk) -> None:
    program = "import time; x = bytearray(300 * 2**20); time.sleep(60)"
    ended = await (await executor.start(desk.python(program, memory_mib=100))).wait()
    assert (ended.cause, ended.exit_code) == (Cause.MEMORY_LIMIT, -signal.SIGKILL)
    assert ended.memory_peak_mib > 100


async def test_memory_limit_counts_children(executor: Executor, desk: Desk) -> None:
    child = "import time; x = bytearray(150 * 2**20); time.sleep(60)"
    script = f'{sys.executable} -c "{child}" & {sys.executable} -c "{child}" & wait'
    ended = await (await executor.start(desk.shell(script, memory_mib=250))).wait()
    assert ended.cause is Cause.MEMORY_LIMIT


async def test_memory_that_forked_workers_share_counts_once(executor: Executor, desk: Desk) -> None:
    program = (
        "import os, time\n"
        "x = bytearray(150 * 2**20)\n"
        "pids = [os.fork() for _ in range(1)]\n"
        "if 0 in pids: time.sleep(0.5); os._exit(0)\n"
        "os.waitpid(pids[0], 0)\n"
    )
    ended = await (await executor.start(desk.python(program, memory_mib=260))).wait()
    assert (ended.cause, ended.exit_code) == (Cause.EXITED, 0)


async def test_usage_is_measured(executor: Executor, desk: Desk) -> None:
    program = "import time\nwhile time.process_time() < 0.3: pass"
    ended = await (await executor.start(desk.python(program))).wait()
    assert ended.cpu_seconds >= 0.3
    assert ended.wall_seconds >= 0.3
    assert 5 < ended.memory_peak_mib < 1_000


async def test_stop_is_term_first(executor: Executor, desk: Desk) -> None:
    script = "trap 'echo saved; exit 7' TERM; echo > gate; while :; do sleep 0.01; done"
    execution = await executor.start(desk.shell(script))
    await desk.opened()
    execution.stop()
    ended = await execution.wait()
    assert (ended.cause, ended.exit_code) == (Cause.STOPPED, 7)
    assert desk.stdout == "saved\n"


async def test_stop_is_kill_after_the_grace(executor: Executor, desk: Desk) -> None:
    script = "trap '' TERM; echo > gate; while :; do sleep 0.01; done"
    execution = await executor.start(desk.shell(script))
    await desk.opened()
    execution.stop()
    ended = await execution.wait()
    assert (ended.cause, ended.exit_code) == (Cause.STOPPED, -signal.SIGKILL)


async def test_stop_at_once_leaves_no_grace(executor: Executor, desk: Desk) -> None:
    script = "trap 'echo saved' TERM; echo > gate; while :; do sleep 0.01; done"
    execution = await executor.start(desk.shell(script))
    await desk.opened()
    execution.stop(grace_seconds=0)
    ended = await execution.wait()
    assert (ended.cause, ended.exit_code) == (Cause.STOPPED, -signal.SIGKILL)


@pytest.mark.parametrize(
    "escape",
    [
        "sleep 600 &",
        "(sleep 600 & sleep 600 &) &",
        "(trap '' TERM; while :; do sleep 1; done) &",
        "setsid sleep 600 &",
        "(setsid sh -c 'sleep 600 & sleep 600' &) &",
    ],
    ids=["child", "grandchildren", "ignores TERM", "own session", "daemon in own session"],
)
@pytest.mark.parametrize("how", ["exits", "stopped"])
async def test_whole_tree_ends(executor: Executor, desk: Desk, escape: str, how: str) -> None:
    end = "exit 0" if how == "exits" else "exec sleep 600"
    execution = await executor.start(desk.shell(f"{escape} echo > gate; {end}"))
    await desk.opened()
    if how == "stopped":
        execution.stop()
    await execution.wait()
    assert dead(execution.pid)  # the rest is checked by the desk


async def test_daemon_without_environment_is_found_in_its_session(
    executor: Executor, desk: Desk
) -> None:
    execution = await executor.start(
        desk.shell("(env -i /bin/sh -c 'echo $$; exec sleep 600' &) ; echo > gate; sleep 600")
    )
    await desk.opened()
    while not desk.stdout:
        await asyncio.to_thread(os.sync)
    pid = int(desk.stdout)
    execution.stop()
    await execution.wait()
    assert dead(pid)


async def test_cancelled_wait_kills(executor: Executor, desk: Desk) -> None:
    execution = await executor.start(desk.shell("echo > gate; exec sleep 600"))
    waiting = asyncio.create_task(execution.wait())
    await desk.opened()
    descriptor = os.pidfd_open(execution.pid)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert select.select([descriptor], [], [], 5)[0]
    os.close(descriptor)


async def test_core_dumps_are_off(executor: Executor, desk: Desk) -> None:
    await (await executor.start(desk.shell("ulimit -c"))).wait()
    assert desk.stdout == "0\n"


async def test_many_at_once(executor: Executor, desk: Desk) -> None:
    executions = [await executor.start(desk.shell(f"exit {n}")) for n in range(20)]
    ended = await asyncio.gather(*(execution.wait() for execution in executions))
    assert [e.exit_code for e in ended] == list(range(20))
