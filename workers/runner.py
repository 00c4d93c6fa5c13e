"""One attempt from its lease to its report.

    stage -> start -> follow -> ship the rest of the logs -> upload outputs -> report

Decides how an attempt ended; holds no lease and sends no report. A stop can come at any moment:
before the command it prevents it, during the command it kills it, after it it cuts the upload.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from signal import Signals
from typing import Any, TypeVar, assert_never

import structlog

from broker.errors import FairleadError, Fenced
from broker.protocol.leases import OutputFile, Report, Usage
from broker.protocol.states import Outcome
from workers import data, inputs, outputs, processes
from workers.broker_api import BrokerApi
from workers.command import CommandInvalid, expand
from workers.environment import ATTEMPT_VARIABLE, job_environment
from workers.executors.base import CannotRun, Cause, Ended, Execution, Executor, Refused, Task
from workers.gpus import GpuMonitor, Gpus
from workers.leases import Held, Key
from workers.logs import LogShipper
from workers.outputs import OutputInvalid
from workers.state_directory import StateDirectory
from workers.text import one_line

T = TypeVar("T")
log = structlog.get_logger()


WANTED = "the broker asked for it back"


class Stop(StrEnum):
    """Why a job must stop."""

    CANCELLED = "cancelled"  # by its owner or an admin
    PREEMPTED = "preempted"  # this host leaves, or the broker wants the slots for others
    LAPSED = "lapsed"  # its lease could not be renewed
    FENCED = "fenced"  # its lease is somebody else's; nothing may be reported


STOP_OUTCOMES = {
    Stop.CANCELLED: Outcome.CANCELLED,
    Stop.PREEMPTED: Outcome.PREEMPTED,
    Stop.LAPSED: Outcome.LOST,
    Stop.FENCED: None,
}
"""What is reported of a stopped attempt; nothing where the lease is somebody else's."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all runners of an agent share."""

    api: BrokerApi
    state: StateDirectory
    executors: Mapping[str, Executor]
    gpus: Gpus
    environment: Mapping[str, str]
    """The agent's own environment, from which a job gets an allow-list."""
    data_roots_allowed: bool
    """Whether jobs may use data roots to which their executor cannot confine them."""
    command_started: Callable[[Key], None]
    command_ended: Callable[[Key], None]


class _Stopped(Exception):
    """A stop came while something else was awaited."""


class Runner:
    """Runs one lease; `run` once, `stop` any number of times."""

    def __init__(self, held: Held, surroundings: Surroundings) -> None:
        self.key = held.key
        self._held = held
        self._around = surroundings
        self._attempt = surroundings.state.attempt(held.key)
        self._shipper = LogShipper(
            surroundings.api, held.key, self._attempt, held.lease.limits.log_bytes
        )
        self._monitor = GpuMonitor(surroundings.gpus, held.gpus)
        self._stop: Stop | None = None
        self._stop_message = ""
        self._stopping = asyncio.Event()
        self._execution: Execution | None = None
        self._exit_code: int | None = None
        self._started_at: datetime | None = None
        self._usage = Usage()

    def stop(self, why: Stop, message: str = "", grace_seconds: float | None = None) -> bool:
        """End the attempt; whether this is the first stop.

        A fence outweighs an earlier reason, else the first reason stands.

        Args:
            grace_seconds: between TERM and KILL; null for the executor's own, 0 for none.
        """
        first = self._stop is None
        if self._stop is None or why is Stop.FENCED:
            self._stop, self._stop_message = why, message
        self._stopping.set()
        if self._execution:
            # Another host may already run the job: no grace where the lease is gone.
            gone = self._stop in (Stop.LAPSED, Stop.FENCED)
            self._execution.stop(grace_seconds=0 if gone else grace_seconds)
        return first

    async def run(self) -> Report | None:
        """Carry the attempt through; None when there is nothing to report (fenced)."""
        try:
            return await self._run()
        except _Stopped:
            return self._stopped_report()
        except Fenced:
            return None
        except OutputInvalid as error:
            return self._report(Outcome.OUTPUT_INVALID, str(error))
        except Refused as error:
            return self._report(Outcome.FAILED, str(error))
        except (CannotRun, CommandInvalid) as error:
            return self._report(Outcome.HOST_ERROR, str(error))
        except OSError as error:
            return self._report(Outcome.HOST_ERROR, f"host: {error}")
        except FairleadError as error:
            return self._report(Outcome.HOST_ERROR, error.message)
        except Exception:
            log.exception("attempt failed inside the agent", lease=str(self.key))
            return self._report(Outcome.HOST_ERROR, "internal error of the agent, see its log")
        finally:
            await self._monitor.stop()
            await self._shipper.abandon()
            self._around.command_ended(self.key)

    async def _run(self) -> Report | None:
        execution = await self._unless_stopped(self._start())
        ended = await self._follow(execution)
        self._around.command_ended(self.key)  # its slot is free while the rest is uploaded
        if self._stop in (Stop.LAPSED, Stop.FENCED):
            return self._stopped_report()
        await self._shipper.finish()
        return await self._conclude(ended)

    # Before the command

    async def _start(self) -> Execution:
        lease, spec, key = self._held.lease, self._held.spec, self.key
        executor = self._around.executors.get(spec.executor)
        if executor is None:
            raise CannotRun(f"this host has no executor {spec.executor!r}")
        if lease.refused:
            raise Refused(lease.refused)
        data.require_confined(
            lease, spec.executor, executor, allowed=self._around.data_roots_allowed
        )
        arguments = expand(spec.command, lease.parameters, python=sys.executable)
        checkpoint = self._around.state.checkpoint(key.job)
        await asyncio.to_thread(inputs.lay_out, self._attempt, checkpoint, lease, spec)
        await inputs.fetch(self._around.api, key, lease, self._attempt.work)
        places = await asyncio.to_thread(data.lay_out, lease, self._attempt.work)
        await self._monitor.start()
        return await executor.start(self._task(arguments, checkpoint, places))

    def _task(self, arguments: list[str], checkpoint: Path, places: dict[str, str]) -> Task:
        lease, attempt = self._held.lease, self._attempt
        return Task(
            arguments=tuple(arguments),
            environment=job_environment(
                self._around.environment,
                self._held.spec.environment,
                lease,
                gpus=self._held.gpus,
                attempt_directory=attempt.path,
                work_directory=attempt.work,
                checkpoint_directory=checkpoint,
                places=places,
            ),
            directory=attempt.work,
            stdout=attempt.log("stdout"),
            stderr=attempt.log("stderr"),
            mark=f"{ATTEMPT_VARIABLE}={attempt.path}",
            wall_seconds=lease.limits.wall_seconds,
            memory_mib=lease.resources.memory_mib,
        )

    # While it runs

    async def _follow(self, execution: Execution) -> Ended:
        self._execution = execution
        self._started_at = execution.started_at
        self._record(execution)
        self._around.command_started(self.key)
        self._shipper.start()
        if self._stop:  # came between the start and here
            execution.stop(grace_seconds=None if self._stop is Stop.CANCELLED else 0)
        ended = await execution.wait()
        await self._monitor.stop()
        self._exit_code = ended.exit_code
        self._usage = Usage(
            wall_seconds=ended.wall_seconds,
            cpu_seconds=ended.cpu_seconds,
            memory_peak_mib=ended.memory_peak_mib,
            gpu_utilisation=self._monitor.utilisation,
            gpu_memory_peak_mib=self._monitor.memory_peak_mib,
            energy_joules=self._monitor.energy_joules,
        )
        return ended

    def _record(self, execution: Execution) -> None:
        started = processes.started(execution.pid)
        if started is None:
            return  # already over
        try:
            self._around.state.write_record(
                self.key,
                pid=execution.pid,
                started=started,
                started_at=execution.started_at.isoformat(),
            )
        except OSError as error:
            log.warning("attempt not recorded", lease=str(self.key), error=str(error))

    # After it

    async def _conclude(self, ended: Ended) -> Report | None:
        limits, need = self._held.lease.limits, self._held.lease.resources
        match ended.cause:
            case Cause.STOPPED:
                return self._stopped_report()
            case Cause.WALL_LIMIT:
                return self._report(
                    Outcome.TIMED_OUT, f"ran longer than its limit of {limits.wall_seconds} s"
                )
            case Cause.MEMORY_LIMIT:
                return self._report(
                    Outcome.OUT_OF_MEMORY, f"used more than its limit of {need.memory_mib} MiB"
                )
            case Cause.EXITED if ended.exit_code != 0:
                return self._report(Outcome.FAILED, self._failure(ended.exit_code))
            case Cause.EXITED:
                files = await self._unless_stopped(self._upload())
                return self._report(Outcome.SUCCEEDED, "", files)
            case _:
                assert_never(ended.cause)

    async def _upload(self) -> list[OutputFile]:
        gang = self._held.lease.gang
        if gang and gang.rank > 0:
            return []  # the job's outputs are those of rank 0
        found = await asyncio.to_thread(
            outputs.find, self._attempt.work, self._held.spec, self._held.lease.limits
        )
        return [await outputs.upload(self._around.api, self.key, output) for output in found]

    def _failure(self, exit_code: int) -> str:
        what = f"exit code {exit_code}" if exit_code >= 0 else f"killed by {_signal(-exit_code)}"
        last = _last_line(self._attempt.log("stderr"))
        return f"{what}: {last}" if last else what

    # Reports

    def _stopped_report(self) -> Report | None:
        outcome = STOP_OUTCOMES[self._stop] if self._stop else None
        return self._report(outcome, self._stop_message) if outcome else None

    def _report(
        self, outcome: Outcome, message: str, files: list[OutputFile] | None = None
    ) -> Report | None:
        if self._stop is Stop.FENCED:
            return None
        return Report(
            job=self.key.job,
            epoch=self.key.epoch,
            outcome=outcome,
            exit_code=self._exit_code,
            message=one_line(message),
            usage=self._usage,
            started_at=self._started_at,
            outputs=files or [],
        )

    # Waiting

    async def _unless_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        task, stop = asyncio.create_task(work), asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise _Stopped
        finally:
            stop.cancel()
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


def _signal(number: int) -> str:
    try:
        return Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_line(path: Path, bytes_max: int = 2_000) -> str:
    """Last line that is not blank in the end of a file; empty when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - bytes_max))
            lines = file.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return one_line(lines[-1], 500) if lines else ""
