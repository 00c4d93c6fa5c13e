"""Groups of accounts: a tree in which quotas weigh siblings; kept by admins, seen by all."""

from broker.errors import Conflict, InvalidInput, NameTaken, NotFound, PreconditionFailed
from broker.protocol.groups import Group, GroupChange, GroupRequest, Membership
from broker.protocol.ids import AccountId, GroupId, show
from broker.protocol.limits import GROUP_LEVELS_MAX
from broker.services.people import accounts
from broker.services.quotas import budgets, minima
from broker.services.requests.actor import Actor
from broker.services.requests.entity_tags import matches, tag_of
from broker.services.requests.references import absent, resolve
from broker.storage import budgets as budget_rows
from broker.storage import groups
from broker.storage.database import Connection
from broker.storage.groups import Settings, TreeRefused


async def create(
    connection: Connection, actor: Actor, request: GroupRequest, *, silent_seconds: float
) -> Group:
    """A new group without members.

    Raises:
        NameTaken: the handle is in use.
        InvalidInput: the parent does not exist, or has as many levels above it as a tree may.
    """
    actor.require()
    parent = await _parent(connection, request.parent)
    settings = Settings(
        request.title,
        parent,
        request.weight,
        request.minimum_slots,
        request.maximum_slots,
        request.jobs_in_progress_max,
    )
    try:
        group = await groups.create(connection, request.name, settings)
    except TreeRefused as error:
        raise _tree_error(error) from None
    if group is None:
        raise NameTaken(f"the name {request.name!r} is taken")
    await budgets.change(connection, (None, group), request)
    return await of(connection, group, silent_seconds=silent_seconds)


async def find(connection: Connection, reference: str, pointer: str = "{group}") -> GroupId:
    """A group by handle or id.

    Raises:
        InvalidInput: an id of another kind.
        NotFound: there is none.
    """
    found = await groups.find(connection, *resolve("group", reference, pointer))
    if found is None:
        raise absent("group", reference)
    return found


async def of(connection: Connection, group: GroupId, *, silent_seconds: float) -> Group:
    """A group as people see it; the caller authorises."""
    (found,) = await _views(connection, [group], silent_seconds=silent_seconds)
    return found


async def view(
    connection: Connection, actor: Actor, reference: str, *, silent_seconds: float
) -> Group:
    """One group."""
    actor.require()
    return await of(connection, await find(connection, reference), silent_seconds=silent_seconds)


async def page(
    connection: Connection, actor: Actor, *, before: int, rows_max: int, silent_seconds: float
) -> list[Group]:
    """Groups, newest first."""
    actor.require()
    rows = await groups.page(connection, before=before, rows_max=rows_max)
    ids = [GroupId(row["id"]) for row in rows]
    return await _views(connection, ids, silent_seconds=silent_seconds)


def etag(group: Group) -> str:
    """The entity tag: of what people edit only."""
    budget = group.budget
    limits = (budget.gpu_seconds, budget.period_days) if budget else None
    return tag_of(
        group.id,
        group.title,
        group.parent,
        group.weight,
        group.minimum_slots,
        group.maximum_slots,
        group.jobs_in_progress_max,
        limits,
    )


async def change(
    connection: Connection,
    actor: Actor,
    reference: str,
    request: GroupChange,
    *,
    if_match: frozenset[str],
    silent_seconds: float,
) -> Group:
    """Changes the fields that the request names.

    Raises:
        PreconditionFailed: somebody else changed the group since.
        InvalidInput: the group would be above itself, the tree too deep, a minimum above a
            maximum.
    """
    actor.require()
    group = await find(connection, reference)
    await groups.lock(connection, group)
    now = await of(connection, group, silent_seconds=silent_seconds)
    if not matches(if_match, etag(now)):
        raise PreconditionFailed(
            "the group was changed since you read it; read it again", ids=(show("group", group),)
        )
    settings = await _merged(connection, now, request)
    if settings.parent != now.parent:
        # What was used so far counts where it was used.
        await budget_rows.carry(connection, await budget_rows.members(connection, group))
    try:
        await groups.change(connection, group, settings)
    except TreeRefused as error:
        raise _tree_error(error) from None
    await budgets.change(connection, (None, group), request)
    return await of(connection, group, silent_seconds=silent_seconds)


async def delete(connection: Connection, actor: Actor, reference: str) -> None:
    """Removes an empty group.

    Raises:
        Conflict: it still has groups or accounts.
    """
    actor.require()
    group = await find(connection, reference)
    if not await groups.delete(connection, group):
        raise Conflict(
            "only a group without groups and accounts can be deleted; move them first",
            ids=(show("group", group),),
        )


async def members(
    connection: Connection, actor: Actor, reference: str, *, before: int, rows_max: int
) -> list[Membership]:
    """Accounts that belong to a group directly, newest first."""
    actor.require()
    group = await find(connection, reference)
    return await groups.members(connection, group, before=before, rows_max=rows_max)


async def join(
    connection: Connection, actor: Actor, reference: str, account_reference: str
) -> Membership:
    """Makes an account a member; it leaves the group where it was.

    Raises:
        Conflict: the account was deleted.
    """
    actor.require()
    group = await find(connection, reference)
    account = await accounts.undeleted(connection, account_reference)
    await _move(connection, account.id, group)
    (name,) = [row["name"] for row in await groups.rows(connection, [group])]
    return Membership(account=account.id, account_name=account.name, group=group, group_name=name)


async def leave(
    connection: Connection, actor: Actor, reference: str, account_reference: str
) -> None:
    """Takes an account out of a group; it stands beside the topmost groups then.

    Raises:
        NotFound: it is no member.
    """
    actor.require()
    group = await find(connection, reference)
    account = await accounts.find(connection, account_reference)
    found = await groups.members(connection, group, before=account.id + 1, rows_max=1)
    if not found or found[0].account != account.id:
        raise NotFound(f"{account.name} is no member of {reference[:80]}")
    await _move(connection, account.id, None)


async def _move(connection: Connection, account: AccountId, group: GroupId | None) -> None:
    await budget_rows.carry(connection, [account])
    await groups.join(connection, account, group)


async def _parent(connection: Connection, reference: str | None) -> GroupId | None:
    if reference is None:
        return None
    try:
        return await find(connection, reference, "/parent")
    except NotFound as error:
        raise InvalidInput.of("/parent", error.message) from None


async def _merged(connection: Connection, now: Group, request: GroupChange) -> Settings:
    """What the group is to be: what the request names, else what it was."""
    given = request.model_fields_set
    parent = now.parent
    if "parent" in given:
        parent = await _parent(connection, request.parent)
    maximum = request.maximum_slots if "maximum_slots" in given else now.maximum_slots
    jobs_max = now.jobs_in_progress_max
    if "jobs_in_progress_max" in given:
        jobs_max = request.jobs_in_progress_max
    minimum = now.minimum_slots if request.minimum_slots is None else request.minimum_slots
    check_bounds(minimum, maximum, given)
    return Settings(
        title=now.title if request.title is None else request.title,
        parent=parent,
        weight=now.weight if request.weight is None else request.weight,
        minimum_slots=minimum,
        maximum_slots=maximum,
        jobs_in_progress_max=jobs_max,
    )


def check_bounds(minimum: float, maximum: float | None, given: set[str]) -> None:
    """Refuses a minimum above the maximum.

    Args:
        given: fields that the request names; the error names one of them.

    Raises:
        InvalidInput
    """
    if maximum is None or minimum <= maximum:
        return
    if "minimum_slots" in given:
        raise InvalidInput.of("/minimum_slots", f"is above maximum_slots, {maximum:g}")
    raise InvalidInput.of("/maximum_slots", f"is below minimum_slots, {minimum:g}")


def _tree_error(error: TreeRefused) -> InvalidInput:
    if error.constraint == "share_group_no_cycle":
        return InvalidInput.of("/parent", "the group would be above itself")
    return InvalidInput.of("/parent", f"the tree would have more than {GROUP_LEVELS_MAX} levels")


async def _views(
    connection: Connection, ids: list[GroupId], *, silent_seconds: float
) -> list[Group]:
    rows = await groups.rows(connection, ids)
    held = await budget_rows.of(connection, groups=ids)
    said = await minima.warnings(connection, silent_seconds=silent_seconds)
    return [
        Group(
            **row,
            budget=held.get((None, row["id"])),
            warnings=minima.of_interest(said, row["id"], row["parent"], row["minimum_slots"]),
        )
        for row in rows
    ]
