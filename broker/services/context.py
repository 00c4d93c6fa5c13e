"""Everything that use cases work with, put together once by `broker.main`."""

from dataclasses import dataclass, field

from broker.config import Settings
from broker.queues.client import Queues
from broker.services.apps.catalogue import Catalogue
from broker.services.hosts.lanes import LaneBook
from broker.services.hosts.leasing import Leasing
from broker.services.hosts.settling import Settling
from broker.services.hosts.waiting import WaitingRoom
from broker.services.infrastructure.feed import Feed
from broker.services.infrastructure.files import Files
from broker.services.leader.dispatch import Dispatch
from broker.services.plans.estimates import Outlook
from broker.services.requests.access import Access
from broker.services.requests.identity import Identity
from broker.services.requests.streams import Streams
from broker.services.submission.submission import Submission
from broker.storage.database import Database


@dataclass(slots=True)
class Services:
    """One broker's services."""

    settings: Settings
    deployment: str
    database: Database
    heartbeats: Database
    queues: Queues
    access: Access
    identity: Identity
    catalogue: Catalogue
    lanes: LaneBook
    waiting: WaitingRoom
    files: Files
    outlook: Outlook
    submission: Submission
    leasing: Leasing
    settling: Settling
    dispatch: Dispatch
    streams: Streams = field(default_factory=Streams)
    feed: Feed = field(init=False)

    def __post_init__(self) -> None:
        self.feed = Feed(self.database)

    async def learn(self) -> None:
        """After a change of rights or apps: this broker's readers see it at once."""
        self.identity.forget()
        self.catalogue.forget()
        await self.access.catch_up()
