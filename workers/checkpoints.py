"""What jobs leave in FAIRLEAD_CHECKPOINT_DIR for their next attempt on this host.

Kept while the job may come back: after a preemption, a lost lease or a fault of the host. Removed
when its attempt ended for good here, when the broker says that it ended elsewhere, when it is too
large, and a week after its last use whatever the broker says.
"""

import asyncio
import os
import time
from collections.abc import Callable, Collection
from pathlib import Path

import structlog

from broker.errors import FairleadError
from broker.protocol.ids import JobId
from broker.protocol.leases import CheckpointRequest, Report
from broker.protocol.limits import CHECKPOINTS_PER_CALL_MAX
from broker.protocol.states import Outcome
from workers.broker_api import BrokerApi
from workers.state_directory import StateDirectory

REVIEW_SECONDS = 600.0
COMES_BACK = (Outcome.HOST_ERROR, Outcome.LOST, Outcome.PREEMPTED)
"""Outcomes after which the job runs again, perhaps here."""

log = structlog.get_logger()


class Checkpoints:
    """See the module's text.

    Args:
        held: the jobs that this agent holds now; theirs are not looked at.
        bytes_max: largest directory of one job that is kept.
    """

    def __init__(
        self,
        api: BrokerApi,
        state: StateDirectory,
        held: Callable[[], Collection[JobId]],
        bytes_max: int,
    ) -> None:
        self._api = api
        self._state = state
        self._held = held
        self._bytes_max = bytes_max

    async def run(self) -> None:
        """Ask the broker every ten minutes which of them may go."""
        while True:
            try:
                await self.review()
            except FairleadError as error:
                log.info("checkpoints not reviewed", reason=error.message)
            await asyncio.sleep(REVIEW_SECONDS)

    async def review(self) -> None:
        """Remove those of jobs that have ended, and old ones.

        Raises:
            FairleadError: the broker does not answer; nothing was removed but old ones.
        """
        await asyncio.to_thread(self._state.remove_old_checkpoints, time.time())
        held = set(self._held())
        kept = [job for job in self._state.checkpoint_jobs() if job not in held]
        for first in range(0, len(kept), CHECKPOINTS_PER_CALL_MAX):
            part = kept[first : first + CHECKPOINTS_PER_CALL_MAX]
            answer = await self._api.checkpoints(CheckpointRequest(jobs=part))
            for job in answer.ended:
                await asyncio.to_thread(self._state.remove_checkpoint, job)

    def trim(self, job: JobId) -> None:
        """Drop what is too large to be kept. Blocks; call it before the attempt is reported, or
        the next one might begin meanwhile."""
        if (size := size_bytes(self._state.checkpoint(job))) > self._bytes_max:
            log.warning("checkpoint too large to keep", job=job, bytes=size)
            self._state.remove_checkpoint(job)

    def ended(self, report: Report) -> None:
        """An attempt's report is safe: its checkpoint goes unless the job may come back. Blocks."""
        if report.outcome not in COMES_BACK:
            self._state.remove_checkpoint(report.job)


def size_bytes(path: Path) -> int:
    """Size of all files below a directory; what vanishes meanwhile counts for nothing."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size
            except OSError:
                continue
    return total
