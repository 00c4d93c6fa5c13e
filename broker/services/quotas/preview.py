"""Who would get what: entitlements before and after a change that nobody makes.

Both sides go through the very plan that production uses, on a fleet of one kind of slots: which
hosts suit which jobs is left out, except that present demand was capped by it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from broker.errors import InvalidInput, NotFound
from broker.protocol.accounts import Account
from broker.protocol.ids import AccountId, GroupId, show
from broker.protocol.preview import AccountIf, GroupIf, Preview, PreviewRequest, PreviewRow
from broker.protocol.resources import WHOLE
from broker.scheduling import (
    Accounts,
    Groups,
    Hosts,
    InvalidColumnError,
    Lanes,
    Plan,
    Snapshot,
    plan,
)
from broker.scheduling.columns import Floats
from broker.services.context import Services
from broker.services.people import accounts
from broker.services.plans import board
from broker.services.plans.board import Board
from broker.services.quotas import groups
from broker.services.requests.actor import Actor
from broker.storage import groups as group_rows
from broker.storage import shares
from broker.storage.database import Connection
from broker.storage.groups import TreeRow
from broker.storage.shares import ShareRow

ACCOUNTS_MAX = 10_000
TWICE = "stands in the list twice"
ONE_CLASS = np.uint64(1)
NO_HOSTS = Hosts(
    id=np.zeros(0, np.int64),
    klass=np.zeros(0, np.int32),
    slots_free=np.zeros(0, np.int32),
    cpus_free=np.zeros(0, np.int32),
    memory_mib_free=np.zeros(0, np.int64),
)


@dataclass(frozen=True, slots=True)
class World:
    """Everybody, on one side of the comparison, by id."""

    groups: Mapping[GroupId, TreeRow]
    accounts: Mapping[AccountId, ShareRow]


async def preview(services: Services, actor: Actor, request: PreviewRequest) -> Preview:
    """Entitlements of every group and of every account with jobs, usage or a change.

    Raises:
        InvalidInput: a group or account that does not exist, a circle, a minimum above a maximum.
        Unavailable: Redis is away, which holds the last plan.
    """
    actor.require()
    last = await board.read(services.queues)
    async with services.database.connection() as connection:
        named = {
            place: (await _account(connection, each.account, place)).id
            for place, each in enumerate(request.accounts)
        }
        before = await _present(services, connection, [*last.accounts, *named.values()])
        after = await _changed(connection, before, request, named)
    capacity = last.capacity_slots if request.capacity_slots is None else request.capacity_slots
    demand = _demand(before, last, full=request.demand == "full", capacity=capacity)
    settings = services.settings
    then, now = (
        _plan(world, demand, capacity, settings.half_life_seconds, settings.history_strength)
        for world in (after, before)
    )
    table = _Table(before, now, after, then, demand)
    table.below(None, 0)
    return Preview(capacity_slots=capacity, items=table.rows)


async def _present(
    services: Services, connection: Connection, planned: Sequence[AccountId]
) -> World:
    rows = await shares.accounts(
        connection,
        planned,
        half_life_seconds=services.settings.half_life_seconds,
        accounts_max=ACCOUNTS_MAX,
    )
    tree = await group_rows.tree(connection)
    return World({row.id: row for row in tree}, {row.id: row for row in sorted(rows)})


async def _changed(
    connection: Connection,
    before: World,
    request: PreviewRequest,
    named: Mapping[int, AccountId],
) -> World:
    tree, people = dict(before.groups), dict(before.accounts)
    changed: set[GroupId] = set()
    for place, group_if in enumerate(request.groups):
        pointer = f"/groups/{place}"
        group = await _group(connection, group_if.group, f"{pointer}/group")
        if group in changed:
            raise InvalidInput.of(f"{pointer}/group", TWICE)
        changed.add(group)
        weight, minimum, maximum = _bounds(group_if, tree[group], pointer)
        row = replace(tree[group], weight=weight, minimum_slots=minimum, maximum_slots=maximum)
        if "parent" in group_if.model_fields_set:
            parent = group_if.parent
            above = await _group(connection, parent, f"{pointer}/parent") if parent else None
            row = replace(row, parent=above)
            _refuse_circle(tree | {group: row}, group, f"{pointer}/parent")
        tree[group] = row
    for place, account_if in enumerate(request.accounts):
        pointer = f"/accounts/{place}"
        if named[place] in list(named.values())[:place]:
            raise InvalidInput.of(f"{pointer}/account", TWICE)
        person = people[named[place]]
        weight, minimum, maximum = _bounds(account_if, person, pointer)
        person = person._replace(weight=weight, minimum_slots=minimum, maximum_slots=maximum)
        if "group" in account_if.model_fields_set:
            where = account_if.group
            above = await _group(connection, where, f"{pointer}/group") if where else None
            person = person._replace(group_id=above)
        people[person.id] = person
    return World(tree, people)


def _bounds(
    wanted: GroupIf | AccountIf, now: TreeRow | ShareRow, pointer: str
) -> tuple[float, float, float | None]:
    """Weight, minimum and maximum: what the request names, else what it was."""
    minimum = now.minimum_slots if wanted.minimum_slots is None else wanted.minimum_slots
    named = "maximum_slots" in wanted.model_fields_set
    maximum = wanted.maximum_slots if named else now.maximum_slots
    if maximum is not None and minimum > maximum:
        field = "minimum_slots" if "minimum_slots" in wanted.model_fields_set else "maximum_slots"
        raise InvalidInput.of(f"{pointer}/{field}", "the minimum would be above the maximum")
    weight = now.weight if wanted.weight is None else wanted.weight
    return weight, minimum, maximum


def _refuse_circle(tree: Mapping[GroupId, TreeRow], group: GroupId, pointer: str) -> None:
    above = tree[group].parent
    while above is not None:
        if above == group:
            raise InvalidInput.of(pointer, "the group would be above itself")
        above = tree[above].parent


async def _group(connection: Connection, reference: str, pointer: str) -> GroupId:
    try:
        return await groups.find(connection, reference, pointer)
    except NotFound as error:
        raise InvalidInput.of(pointer, error.message) from None


async def _account(connection: Connection, reference: str, place: int) -> Account:
    try:
        return await accounts.find(connection, reference)
    except NotFound as error:
        raise InvalidInput.of(f"/accounts/{place}/account", error.message) from None


def _demand(world: World, last: Board, *, full: bool, capacity: float) -> dict[AccountId, float]:
    """Slots that each account wants."""
    if full:
        return dict.fromkeys(world.accounts, capacity)
    wanted = {account: note.demand_slots for account, note in last.accounts.items()}
    return {account: wanted.get(account, 0.0) for account in world.accounts}


def _plan(
    world: World,
    demand: Mapping[AccountId, float],
    capacity: float,
    half_life_seconds: float,
    history_strength: float,
) -> Plan:
    """A plan on slots of one kind that are all busy, so that nothing is granted; in eighths."""
    people, tree = list(world.accounts.values()), list(world.groups.values())
    row_of = {group.id: row for row, group in enumerate(tree)}
    size = len(people)
    none, ones = np.zeros(size, np.int64), np.ones(size, np.int64)
    snapshot = Snapshot(
        accounts=Accounts(
            id=np.array([each.id for each in people], np.int64),
            weight=np.array([each.weight for each in people], np.float64),
            usage_gpu_seconds=np.array([each.usage_gpu_seconds for each in people], np.float64),
            entitled_gpu_seconds=np.array([each.due_gpu_seconds for each in people], np.float64),
            group=np.array(
                [-1 if each.group_id is None else row_of[each.group_id] for each in people],
                np.int32,
            ),
            minimum=WHOLE * np.array([each.minimum_slots for each in people], np.float64),
            maximum=_maxima(people),
        ),
        groups=Groups(
            id=np.array([each.id for each in tree], np.int64),
            parent=np.array(
                [-1 if each.parent is None else row_of[each.parent] for each in tree], np.int32
            ),
            weight=np.array([each.weight for each in tree], np.float64),
            minimum=WHOLE * np.array([each.minimum_slots for each in tree], np.float64),
            maximum=_maxima(tree),
        ),
        lanes=Lanes(
            id=np.arange(size),
            account=np.arange(size, dtype=np.int32),
            pending=np.array([round(WHOLE * demand[each.id]) for each in people], np.int64),
            running=none,
            slots=ones.astype(np.int32),
            cpus=none.astype(np.int32),
            memory_mib=none,
            classes=np.full(size, ONE_CLASS),
            last_served=np.zeros(size),
        ),
        hosts=NO_HOSTS,
        class_capacity=np.array([round(WHOLE * capacity)], np.int64),
        half_life_seconds=half_life_seconds,
        history_strength=history_strength,
        slot_units=WHOLE,
    )
    try:
        return plan(snapshot, 0.0)
    except InvalidColumnError as error:
        raise InvalidInput(f"the planner refuses this: {error}") from None


def _maxima(rows: Sequence[ShareRow] | Sequence[TreeRow]) -> Floats:
    bounds = [np.inf if r.maximum_slots is None else r.maximum_slots for r in rows]
    return WHOLE * np.array(bounds, np.float64)


@dataclass(slots=True)
class _Table:
    """The rows of an answer, built depth first, by name."""

    before: World
    now: Plan
    after: World
    then: Plan
    demand: Mapping[AccountId, float]
    rows: list[PreviewRow] = field(default_factory=list)
    _groups: dict[GroupId | None, list[tuple[int, TreeRow]]] = field(default_factory=dict)
    _people: dict[GroupId | None, list[tuple[int, ShareRow]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for row, group in enumerate(self.after.groups.values()):
            self._groups.setdefault(group.parent, []).append((row, group))
        for row, person in enumerate(self.after.accounts.values()):
            self._people.setdefault(person.group_id, []).append((row, person))

    def below(self, parent: GroupId | None, level: int) -> float:
        """Adds what belongs to a group; returns the slots that it wants."""
        wanted = 0.0
        for row, group in sorted(self._groups.get(parent, ()), key=lambda pair: pair[1].name):
            at = len(self.rows)
            part = self.below(group.id, level + 1)
            self.rows.insert(at, self._group(row, group, level, part))
            wanted += part
        for row, person in sorted(self._people.get(parent, ()), key=lambda pair: pair[1].name):
            self.rows.append(self._person(row, person, level))
            wanted += self.demand[person.id]
        return wanted

    def _group(self, row: int, group: TreeRow, level: int, wanted: float) -> PreviewRow:
        return PreviewRow(
            kind="group",
            id=show("group", group.id),
            name=group.name,
            level=level,
            weight_before=self.before.groups[group.id].weight,
            weight_after=group.weight,
            entitlement_slots_before=self.now.group_entitlement_slots[row] / WHOLE,
            entitlement_slots_after=self.then.group_entitlement_slots[row] / WHOLE,
            demand_slots=wanted,
        )

    def _person(self, row: int, person: ShareRow, level: int) -> PreviewRow:
        return PreviewRow(
            kind="account",
            id=show("account", person.id),
            name=person.name,
            level=level,
            weight_before=self.before.accounts[person.id].weight,
            weight_after=person.weight,
            entitlement_slots_before=self.now.entitlement_slots[row] / WHOLE,
            entitlement_slots_after=self.then.entitlement_slots[row] / WHOLE,
            demand_slots=self.demand[person.id],
        )
