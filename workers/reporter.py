"""Sends reports: spooled first, grouped, repeated until each has been answered.

Two loops. One takes whatever has ended since it last looked and spools it as one group (one sync
for many attempts). The other sends up to 1,000 spooled reports in a call. A report that the broker
cannot accept is set aside, so that it does not hold up the others.
"""

import asyncio
import itertools
from collections.abc import Callable, Sequence

import structlog

from broker.errors import FairleadError, Forbidden, InvalidInput, Unauthenticated, Unavailable
from broker.protocol.leases import Report, ReportRequest
from broker.protocol.limits import ELEMENTS_PER_CALL_MAX
from broker.protocol.states import AnswerStatus
from workers.backoff import Backoff
from workers.broker_api import BrokerApi
from workers.leases import Key
from workers.spool import Group, Spool

COALESCE_SECONDS = 0.002

log = structlog.get_logger()


class Reporter:
    """See the module's text.

    Args:
        kept: called when a report would survive a crash.
        answered: called when the broker has answered a report, with what it said; None when it
            cannot accept the report.
    """

    def __init__(
        self,
        api: BrokerApi,
        spool: Spool,
        kept: Callable[[Report], None],
        answered: Callable[[Key, AnswerStatus | None], None],
        backoff: Backoff | None = None,
    ) -> None:
        self._api = api
        self._spool = spool
        self._kept = kept
        self._answered = answered
        self._backoff = backoff or Backoff()
        self._new: list[Report] = []
        self._unsent: dict[Key, Report] = {}
        self._group_of: dict[Key, Group] = {}
        self._open: dict[Group, set[Key]] = {}
        self._added = asyncio.Event()
        self._spooled = asyncio.Event()

    def add(self, report: Report) -> None:
        """An attempt has ended."""
        self._new.append(report)
        self._added.set()

    def restore(self, group: Group) -> None:
        """Reports that an earlier agent process left in the spool."""
        self._take(group)

    async def run(self) -> None:
        """Spool and send for ever.

        Raises:
            Unauthenticated, Forbidden: the broker refuses this host.
        """
        loops = [asyncio.create_task(self._keep()), asyncio.create_task(self._send())]
        try:
            await asyncio.wait(loops, return_when=asyncio.FIRST_COMPLETED)
            for loop in loops:
                if loop.done():
                    loop.result()
        finally:
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)

    async def _keep(self) -> None:
        while True:
            await self._added.wait()
            await asyncio.sleep(COALESCE_SECONDS)
            self._added.clear()
            new, self._new = self._new, []
            for first in range(0, len(new), ELEMENTS_PER_CALL_MAX):
                await self._keep_group(new[first : first + ELEMENTS_PER_CALL_MAX])

    async def _keep_group(self, reports: Sequence[Report]) -> None:
        try:
            group = await asyncio.to_thread(self._spool.write, reports)
        except OSError as error:
            # Sent from memory: a full disk must not cost results that are already there.
            log.error("reports not spooled", count=len(reports), error=str(error))
            group = Group(None, tuple(reports))
        for report in reports:
            self._kept(report)
        self._take(group)

    def _take(self, group: Group) -> None:
        keys = {_key(report): report for report in group.reports}
        self._unsent |= keys
        self._group_of |= dict.fromkeys(keys, group)
        self._open[group] = set(keys)
        self._spooled.set()

    async def _send(self) -> None:
        while True:
            await self._spooled.wait()
            self._spooled.clear()
            while self._unsent:
                reports = list(itertools.islice(self._unsent.values(), ELEMENTS_PER_CALL_MAX))
                try:
                    await self._send_group(reports)
                    self._backoff.reset()
                except (Unauthenticated, Forbidden):
                    raise
                except FairleadError as error:
                    delay = self._backoff.after(error)
                    log.warning("reports not sent", count=len(self._unsent), error=error.message)
                    await asyncio.sleep(delay)

    async def _send_group(self, reports: Sequence[Report]) -> None:
        try:
            await self._call(reports)
        except (Unauthenticated, Forbidden, Unavailable):
            raise
        except FairleadError as error:
            if len(reports) == 1:
                await self._set_aside(reports[0], error)
                return
            log.warning("report call refused, sending one by one", error=error.message)
            await self._send_singly(reports)

    async def _send_singly(self, reports: Sequence[Report]) -> None:
        """One call for each report; a failure waits until the others have had their turn."""
        failure: FairleadError | None = None
        for report in reports:
            try:
                await self._send_group([report])
            except Unavailable as error:
                failure = error
        if failure:
            raise failure

    async def _call(self, reports: Sequence[Report]) -> None:
        answer = await self._api.report(ReportRequest(reports=list(reports)))
        settled = [self._settle(Key(a.job, a.epoch), a.status) for a in answer.answers]
        if not any(settled):
            raise Unavailable("the broker answered none of the reports", retry_after_seconds=0)

    async def _set_aside(self, report: Report, error: FairleadError) -> None:
        if not isinstance(error, InvalidInput):
            # Not the report's fault, as far as we know.
            raise Unavailable(error.message, retry_after_seconds=0)
        log.error("report refused for good", lease=str(_key(report)), error=error.message)
        try:
            await asyncio.to_thread(self._spool.refuse, report)
        except OSError as failure:
            log.error("refused report not kept", error=str(failure))
        self._settle(_key(report), None)

    def _settle(self, key: Key, status: AnswerStatus | None) -> bool:
        """The report needs no more sending; whether it was still unsent."""
        if self._unsent.pop(key, None) is None:
            return False
        group = self._group_of.pop(key)
        self._open[group].discard(key)
        if not self._open[group]:
            del self._open[group]
            self._spool.remove(group)
        self._answered(key, status)
        return True


def _key(report: Report) -> Key:
    return Key(report.job, report.epoch)
