"""What a submission needs the right to: the app, the project, the pool. Asked twice.

Once when the request comes, and again in the transaction that stores it if rights have changed in
between, whoever's.
"""

from dataclasses import dataclass, field

from broker.domain.access import Action, World, compound
from broker.domain.access.compound import Order
from broker.errors import InvalidInput
from broker.protocol.ids import AppId, NodeId, show
from broker.protocol.nodes import Kind
from broker.services.data.wanted_roots import WantedRoots
from broker.services.requests.actor import Actor
from broker.services.requests.references import absent, find_node
from broker.services.requests.refusals import refuse
from broker.storage.database import Connection


@dataclass(slots=True)
class SubmissionOrder:
    """One submission as far as rights go.

    Args:
        app: as the client named it, for errors; likewise the project.
        place: the project, workspace or folder that the batch will lie in.
        table: what gives the jobs, as the client named it and as a node; the caller must see it,
            wherever it lies.
        epoch: of the world for which it was last found right.
    """

    actor: Actor
    app: str
    app_id: AppId
    project: str | None
    place: NodeId
    pool: str
    table: tuple[str, NodeId] | None = None
    epoch: int = -1
    roots: WantedRoots = field(init=False)

    def __post_init__(self) -> None:
        self.roots = WantedRoots(self.actor)

    def require(self) -> None:
        """Goes on only when the caller may submit this.

        Raises:
            InvalidInput: something that it names is not there, or not to be seen.
            Forbidden: something that it names is not for the caller to use.
        """
        world, who = self.actor.world, self.actor.principal
        self.actor.require()
        node = world.nodes.get(self.place)
        project = node.project_id if node else None
        order = Order(
            app=world.node(NodeId(self.app_id)),
            takes_jobs=True,  # said by `require_submittable`, with the state in words
            project=world.node(self.place),
            pool_bound=world.pool_serves(self.pool, project),
            roots=self.roots.asked(world, project),
        )
        if refusals := compound.submit(who, order):
            named = {
                "/app": ("app", self.app),
                "/project": ("project", self.project or ""),
                **self.roots.named(),
            }
            refuse(refusals, named, ids=(show("app", self.app_id),))
        if self.table and not self.actor.could(Action.TABLE_VIEW, world.node(self.table[1])):
            raise InvalidInput.of("/table", absent("table", self.table[0]).message)
        self.epoch = world.epoch

    def sees_drafts(self) -> bool:
        """Whether the caller edits the app, and so may try its drafts."""
        return self.actor.could(Action.APP_VIEW_DRAFT, self.actor.world.node(NodeId(self.app_id)))

    def require_new_roots(self) -> None:
        """Asks again if data roots were named since; the rest of a stream names no other ones."""
        if self.roots.new:
            self.require()

    async def confirm(self, connection: Connection) -> None:
        """The same question, in the transaction that stores the submission.

        Raises:
            As `require`; Unauthenticated: the account was suspended meanwhile.
            Unavailable: what is known is too old.
        """
        await self.actor.access.confirm(connection)
        await self.renew()

    async def renew(self) -> None:
        """Asks again if rights have changed, once the world is known to be current."""
        if self.epoch != self.actor.world.epoch:
            await self.actor.renew()
            self.require()


def table_of(world: World, reference: str | None) -> tuple[str, NodeId] | None:
    """The table that gives the jobs; None for a submission that brings them.

    Raises:
        InvalidInput: there is none. One that is not to be seen is found out later.
    """
    if reference is None:
        return None
    node = find_node(world, Kind.TABLE, reference, "/table")
    if node is None:
        raise InvalidInput.of("/table", absent("table", reference).message)
    return reference, node
