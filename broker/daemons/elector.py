"""Holds the scheduler's leadership, or stands by for it."""

import secrets
from dataclasses import dataclass, field

from broker.errors import FairleadError
from broker.queues.client import Queues
from broker.services.leader import rebuild
from broker.services.leader.dispatch import Dispatch
from broker.storage import leader
from broker.storage.database import Database


@dataclass(slots=True)
class Elector:
    """Renews at a third of the leadership's length; a new term reads everything anew."""

    database: Database
    queues: Queues
    dispatch: Dispatch
    seconds: float
    name: str = field(default_factory=lambda: secrets.token_hex(8))

    async def tick(self) -> None:
        """One attempt to hold the leadership."""
        try:
            async with self.database.connection() as connection:
                term = await leader.hold(connection, self.name, seconds=self.seconds)
        except FairleadError:
            self.dispatch.leave_office()
            raise
        if term is None:
            self.dispatch.leave_office()
        elif term != self.dispatch.term or await rebuild.ensure(self.database, self.queues):
            self.dispatch.leave_office()
            await self.dispatch.take_office(term)

    async def resign(self) -> None:
        """Lets a standby take over at once."""
        self.dispatch.leave_office()
        async with self.database.connection() as connection:
            await leader.resign(connection, self.name)
