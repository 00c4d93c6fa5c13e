"""The small parts: environment, GPUs, logs, outputs, tenure, back-off, settings, process table."""

import asyncio
import io
import json
import os
from pathlib import Path

import pytest
import structlog
from pydantic import ValidationError

from broker import console
from broker.console import escaped
from broker.errors import FairleadError, StartupError, Unavailable
from broker.protocol.apps import OutputSpec, VersionSpec
from broker.protocol.batches import InputContent
from broker.protocol.leases import Lease, Report
from broker.protocol.resources import Gpu, JobLimits, Resources
from broker.protocol.states import Outcome
from workers import processes
from workers.backoff import Backoff
from workers.environment import job_environment
from workers.executors.base import CannotRun
from workers.facts import cpu_gflops, gpu_gflops, host_facts
from workers.gpus import FakeGpus, GpuMonitor, GpuSample, NoGpus, choose, open_gpus
from workers.inputs import lay_out
from workers.logs import LogStream
from workers.outputs import OutputInvalid, find
from workers.poller import worth_asking
from workers.settings import WorkerSettings
from workers.state_directory import AttemptDirectory
from workers.tenure import HANDED_BACK_SECONDS, Tenure
from workers.text import one_line

LEASE = Lease(
    job=17,
    epoch=2,
    batch=1,
    account=1,
    version=1,
    name="",
    parameters={},
    resources=Resources(cpus=4),
    limits=JobLimits(),
)
H100 = Gpu(uuid="GPU-a", model="NVIDIA H100 80GB HBM3", memory_mib=81_559, compute_capability=9.0)


class TestEnvironment:
    def make(self, host: dict[str, str], version: dict[str, str], *gpus: str) -> dict[str, str]:
        return job_environment(
            host,
            version,
            LEASE,
            gpus=gpus,
            attempt_directory=Path("/a"),
            work_directory=Path("/a/work"),
            checkpoint_directory=Path("/c"),
            places={},
        )

    def test_nothing_secret_of_the_host_is_handed_on(self) -> None:
        host = {"PATH": "/bin", "FAIRLEAD_ENROLLMENT_TOKEN": "fle_x", "AWS_SECRET": "x"}
        made = self.make(host, {})
        assert made["PATH"] == "/bin"
        assert not {"FAIRLEAD_ENROLLMENT_TOKEN", "AWS_SECRET"} & made.keys()

    def test_job_knows_itself_and_its_threads(self) -> None:
        made = self.make({}, {})
        assert made["FAIRLEAD_JOB_ID"] == "job_17"
        assert made["FAIRLEAD_EPOCH"] == "2"
        assert made["FAIRLEAD_CHECKPOINT_DIR"] == "/c"
        assert made["HOME"] == "/a/work"
        assert made["FAIRLEAD_THREADS"] == made["OMP_NUM_THREADS"] == "4"

    def test_version_cannot_claim_devices_or_another_identity(self) -> None:
        version = {"CUDA_VISIBLE_DEVICES": "0,1", "FAIRLEAD_JOB_ID": "job_1", "MODE": "fast"}
        made = self.make({}, version, "GPU-a")
        assert made["CUDA_VISIBLE_DEVICES"] == "GPU-a"
        assert made["FAIRLEAD_JOB_ID"] == "job_17"
        assert made["MODE"] == "fast"

    def test_job_without_devices_sees_none(self) -> None:
        assert self.make({"CUDA_VISIBLE_DEVICES": "0"}, {})["CUDA_VISIBLE_DEVICES"] == ""


class TestGpus:
    def test_choice_by_index(self) -> None:
        other = H100.model_copy(update={"uuid": "GPU-b"})
        assert choose([H100, other], "all") == (H100, other)
        assert choose([H100, other], "1") == (other,)
        with pytest.raises(StartupError, match="GPU 2"):
            choose([H100, other], "0,2")

    def test_none_needs_no_driver(self) -> None:
        gpus, offered = open_gpus("none")
        assert isinstance(gpus, NoGpus)
        assert offered == ()

    async def test_monitor_averages_peaks_and_subtracts(self) -> None:
        samples = [GpuSample(0.0, 100.0, 1_000.0), GpuSample(1.0, 300.0, 1_500.0)]
        monitor = GpuMonitor(FakeGpus([H100], samples), ["GPU-a"])
        await monitor.start()
        await monitor.stop()
        assert monitor.utilisation == 0.5
        assert monitor.memory_peak_mib == 300.0
        assert monitor.energy_joules == 500.0

    async def test_device_that_tells_nothing_gives_null(self) -> None:
        monitor = GpuMonitor(NoGpus(), ["GPU-a"])
        await monitor.start()
        await monitor.stop()
        assert (monitor.utilisation, monitor.memory_peak_mib, monitor.energy_joules) == (None,) * 3

    async def test_job_without_devices_is_not_sampled(self) -> None:
        monitor = GpuMonitor(FakeGpus([H100]), [])
        await monitor.start()
        await monitor.stop()
        assert monitor.utilisation is None

    @pytest.mark.gpu
    def test_real_devices_tell_what_they_are(self) -> None:
        gpus, offered = open_gpus("all")
        if not offered:
            pytest.skip("no NVIDIA GPU on this machine")
        assert offered[0].memory_mib > 1_000
        assert offered[0].compute_capability >= 3.0
        assert (gpus.sample(offered[0].uuid).memory_mib or 0) > 0


class TestFacts:
    def test_slots_default_to_cores_or_devices(self) -> None:
        assert host_facts("h", None, ()).slots == host_facts("h", None, ()).cpus
        assert host_facts("h", None, (H100,)).slots == 0
        assert host_facts("h", 3, (H100,)).slots == 3

    def test_speed_is_positive_and_known_for_models(self) -> None:
        assert cpu_gflops(rounds=1, steps=1_000) > 0
        assert gpu_gflops(H100.model) == 67_000.0
        assert gpu_gflops("GeForce of the future") > 0


class TestLogs:
    def make(self, path: Path, content: bytes, bytes_max: int = 1_000) -> LogStream:
        path.write_bytes(content)
        return LogStream("stdout", path, bytes_max)

    def drain(self, stream: LogStream) -> bytes:
        text = b""
        while piece := stream.next_piece(last=True):
            text += piece
            stream.accepted(stream.sent + len(piece))
        return text

    def test_everything_is_sent_once(self, tmp_path: Path) -> None:
        stream = self.make(tmp_path / "log", b"abc")
        piece = stream.next_piece(last=False)
        stream.accepted(len(piece))
        assert piece == b"abc"
        with stream.path.open("ab") as file:
            file.write(b"def")
        assert self.drain(stream) == b"def"

    def test_lost_answer_sends_no_byte_twice(self, tmp_path: Path) -> None:
        stream = self.make(tmp_path / "log", b"abcdef")
        stream.accepted(4)  # the broker has more than we knew
        assert self.drain(stream) == b"ef"

    def test_limit_is_kept_and_said(self, tmp_path: Path) -> None:
        stream = self.make(tmp_path / "log", b"x" * 5_000)
        text = self.drain(stream)
        assert len(text) == 1_000
        assert text.startswith(b"xxx")
        assert text.endswith(b"was dropped]\n")
        assert stream.path.stat().st_size <= 1_000  # nor does it fill the disk

    def test_log_of_exactly_the_limit_is_whole(self, tmp_path: Path) -> None:
        assert self.drain(self.make(tmp_path / "log", b"x" * 1_000)) == b"x" * 1_000

    @pytest.mark.parametrize("bytes_max", [0, 10])
    def test_tiny_limit_is_kept(self, tmp_path: Path, bytes_max: int) -> None:
        assert len(self.drain(self.make(tmp_path / "log", b"x" * 99, bytes_max))) == bytes_max

    def test_command_that_truncates_its_output_goes_on(self, tmp_path: Path) -> None:
        stream = self.make(tmp_path / "log", b"first\n")
        stream.accepted(len(stream.next_piece(last=False)))
        stream.path.write_bytes(b"new\n")
        assert self.drain(stream) == b"new\n"


class TestInputs:
    @pytest.mark.parametrize("name", ["../evil", "/etc/evil", "..", "a/b", ""])
    def test_file_never_lands_outside(self, tmp_path: Path, name: str) -> None:
        lease = LEASE.model_copy(update={"inputs": {name: InputContent(text="x")}})
        attempt = AttemptDirectory(tmp_path / "attempt")
        with pytest.raises(CannotRun, match="plain name"):
            lay_out(attempt, tmp_path / "checkpoint", lease, VersionSpec(command=["x"]))

    def test_script_of_the_version_is_executable(self, tmp_path: Path) -> None:
        attempt = AttemptDirectory(tmp_path / "attempt")
        spec = VersionSpec(command=["x"], files={"run": "#!/bin/sh\n", "data": "1"})
        lay_out(attempt, tmp_path / "checkpoint", LEASE, spec)
        assert os.access(attempt.work / "run", os.X_OK)
        assert (attempt.work / "data").stat().st_mode & 0o111 == 0


class TestOutputs:
    SPEC = VersionSpec(
        command=["x"], outputs={"a": OutputSpec(maximum_bytes=10), "b": OutputSpec(required=False)}
    )

    def test_regular_file_is_found(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("12345")
        assert [f.size_bytes for f in find(tmp_path, self.SPEC, JobLimits())] == [5]

    @pytest.mark.parametrize("kind", ["missing", "large", "link", "fifo", "directory"])
    def test_anything_else_is_named(self, tmp_path: Path, kind: str) -> None:
        path = tmp_path / "a"
        match kind:
            case "large":
                path.write_text("x" * 11)
            case "link":
                (tmp_path / "secret").write_text("x")
                path.symlink_to(tmp_path / "secret")
            case "fifo":
                os.mkfifo(path)
            case "directory":
                path.mkdir()
        with pytest.raises(OutputInvalid, match="'a'"):
            find(tmp_path, self.SPEC, JobLimits())

    def test_limit_of_the_job_counts_too(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("12345")
        with pytest.raises(OutputInvalid, match="limit of 4"):
            find(tmp_path, self.SPEC, JobLimits(output_bytes=4))


class TestTenure:
    def test_idle_agent_leaves_and_busy_one_stays(self) -> None:
        tenure = Tenure(0.0, idle_exit_seconds=10)
        tenure.note(5.0, busy=True)
        assert tenure.seconds_to_next(5.0) is None
        tenure.note(50.0, busy=False)
        assert tenure.seconds_to_next(52.0) == 8.0
        assert tenure.reason_to_leave(59.0) is None
        assert tenure.reason_to_leave(60.0) == "idle"

    def test_pilot_leaves_in_time_to_drain(self) -> None:
        tenure = Tenure(0.0, wall_seconds_max=100, drain_seconds=30)
        assert tenure.reason_to_leave(69.0) is None
        assert tenure.reason_to_leave(70.0) is not None
        assert [tenure.left(now) for now in (0.0, 70.0, 101.0)] == [100.0, 30.0, 0.0]

    def test_misfit_pauses_the_asking(self) -> None:
        tenure = Tenure(0.0, wall_seconds_max=1_000)
        assert tenure.misfit(900, 0.0) is None
        assert tenure.asking(0.0)
        assert "leaves in 500 s" in (tenure.misfit(900, 500.0) or "")
        assert not tenure.asking(500.0)
        assert tenure.asking(500.0 + HANDED_BACK_SECONDS)

    def test_ordinary_agent_never_leaves(self) -> None:
        tenure = Tenure(0.0)
        assert tenure.misfit(1e9, 0.0) is None
        assert tenure.left(1e12) is None
        assert tenure.seconds_to_next(0.0) is None
        assert tenure.reason_to_leave(1e12) is None


class TestBackoff:
    def test_delays_double_up_to_a_limit(self) -> None:
        backoff = Backoff(1.0, 10.0, uniform=lambda: 1.0)
        error = FairleadError("x")
        assert [backoff.after(error) for _ in range(6)] == [1, 2, 4, 8, 10, 10]
        backoff.reset()
        assert backoff.after(error) == 1

    def test_jitter_halves_at_most(self) -> None:
        assert Backoff(1.0, 10.0, uniform=lambda: 0.0).after(FairleadError("x")) == 0.5

    def test_retry_after_is_obeyed(self) -> None:
        backoff = Backoff(0.1, 1.0, uniform=lambda: 0.0)
        assert backoff.after(Unavailable("x", retry_after_seconds=20)) == 20


class TestSettings:
    def test_variables_are_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FAIRLEAD_URL", "https://broker.example.org/fairlead/")
        monkeypatch.setenv("FAIRLEAD_GPUS", "0,1")
        monkeypatch.setenv("FAIRLEAD_ENROLLMENT_TOKEN", "fle_x")
        settings = WorkerSettings()
        assert settings.url == "https://broker.example.org/fairlead"
        assert settings.gpus == "0,1"
        assert "fle_x" not in repr(settings)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"url": "ftp://x"},
            {"url": "http://user:pw@x"},
            {"gpus": "first"},
            {"slots": -1},
            {"gpu_shares": 3},
            {"gpu_shares": 16},
        ],
    )
    def test_wrong_values_are_refused(self, wrong: dict[str, object]) -> None:
        with pytest.raises(ValidationError):
            WorkerSettings(**{"url": "http://x", **wrong})

    def test_host_name_carries_no_control_characters(self) -> None:
        assert WorkerSettings(url="http://x", name="a\x1b[31mb").host_name == "a?[31mb"


class TestText:
    def test_message_is_one_clean_line(self) -> None:
        message = one_line("bad\n\x1b[31m" + "x" * 9_000)
        assert len(message) <= 1_000
        Report(job=1, epoch=1, outcome=Outcome.FAILED, message=message)

    def test_undecodable_bytes_can_be_sent(self) -> None:
        one_line(b"\xff".decode(errors="surrogateescape")).encode()

    def test_control_characters_are_shown(self) -> None:
        assert escaped("a\x1b[2Jb\r\n\u009b") == "a\\x1b[2Jb\\r\\n\\x9b"

    def test_log_lines_are_json_off_a_terminal(self) -> None:
        stream = io.StringIO()
        console.configure(stream)
        structlog.get_logger().info("hello", name="a\x1bb")
        assert json.loads(stream.getvalue())["name"] == "a\\x1bb"


class TestProcesses:
    def row(self, pid: int, parent: int, session: int) -> processes.Process:
        return processes.Process(pid, parent, session, pid, 0.0, 0, False)

    def test_tree_session_and_earlier_members_belong(self) -> None:
        rows = [
            self.row(10, 1, 10),  # root
            self.row(11, 10, 10),
            self.row(12, 11, 12),  # left the session, still in the tree
            self.row(13, 1, 10),  # orphan in the session
            self.row(14, 1, 14),  # orphan in its own session, seen before
            self.row(15, 14, 14),
            self.row(20, 1, 20),
        ]
        table = {row.pid: row for row in rows}
        found = processes.members(table, 10, seen={14: 14, 20: 999})
        assert {row.pid for row in found} == {10, 11, 12, 13, 14, 15}

    def test_own_process_is_in_the_table(self) -> None:
        me = processes.table()[os.getpid()]
        assert me.parent == os.getppid()
        assert me.memory_bytes > 2**20
        assert processes.started(os.getpid()) == processes.started(os.getpid())

    def test_process_that_is_gone_has_no_start(self) -> None:
        assert processes.started(2**22 + 1) is None


@pytest.mark.parametrize(
    ("told", "free", "prefetch", "worth"),
    [
        (0, 0, 0, False),
        (0, 1, 0, True),
        (2, 1, 0, False),
        (0, 1, 8, False),  # seven prefetched jobs still wait
        (0, 2, 8, True),  # a quarter of the prefetch is used up
        (8, 9, 8, True),  # a slot stands idle
    ],
)
def test_poll_is_dropped_only_when_that_pays(
    told: int, free: int, prefetch: int, worth: bool
) -> None:
    assert worth_asking(told, free, prefetch) is worth


async def test_change_between_look_and_wait_is_not_missed() -> None:
    from workers.changes import Changes

    changes = Changes()
    waiter = changes.next()
    changes.notify()
    async with asyncio.timeout(10):
        await waiter
    assert not await changes.wait(0.001)
