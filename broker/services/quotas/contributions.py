"""What others do for a scientist's quota: donated credit, and points of the portal (B17)."""

from collections.abc import Sequence

from broker.errors import FieldError, InvalidInput, NotFound, PreconditionFailed
from broker.protocol.contributions import (
    Contributions,
    ContributionsRequest,
    Donations,
    DonationsRequest,
    Points,
)
from broker.protocol.ids import AccountId, show
from broker.services.people import accounts
from broker.services.requests.actor import Actor
from broker.services.requests.entity_tags import matches, tag_of
from broker.services.requests.references import resolve
from broker.storage import contributions, quotas
from broker.storage.database import Connection

FIELDS_TOLD_MAX = 100


async def donations(
    connection: Connection, actor: Actor, reference: str, *, half_life_seconds: float
) -> Donations:
    """What a volunteer gives to whom; for itself and admins."""
    account = await accounts.authorised(connection, actor, reference)
    return await _of(connection, account.id, half_life_seconds=half_life_seconds)


def etag(given: Donations) -> str:
    """The entity tag: of what people edit only."""
    return tag_of(given.account, [(each.to, each.fraction) for each in given.donations])


async def donate(
    connection: Connection,
    actor: Actor,
    reference: str,
    request: DonationsRequest,
    *,
    if_match: frozenset[str],
    half_life_seconds: float,
) -> Donations:
    """Replaces all donations of a volunteer.

    Raises:
        InvalidInput: a scientist who does not exist, comes twice, or is the volunteer.
        PreconditionFailed: somebody else changed the donations since.
        Conflict: the account was deleted.
    """
    account = await accounts.existing(connection, actor, reference)
    await quotas.lock(connection, account.id)
    now = await _of(connection, account.id, half_life_seconds=half_life_seconds)
    if not matches(if_match, etag(now)):
        raise PreconditionFailed(
            "the donations were changed since you read them; read them again",
            ids=(show("account", account.id),),
        )
    pointers = [f"/donations/{index}/to" for index in range(len(request.donations))]
    found = await _resolved(connection, [each.to for each in request.donations], pointers)
    fractions: dict[AccountId, float] = {}
    for each, (scientist, _), pointer in zip(request.donations, found, pointers, strict=True):
        if scientist == account.id:
            raise InvalidInput.of(pointer, "own hosts count by the policy own_hosts")
        if scientist in fractions:
            raise InvalidInput.of(pointer, "is there twice")
        fractions[scientist] = each.fraction
    await contributions.replace_donations(connection, account.id, fractions)
    return await _of(connection, account.id, half_life_seconds=half_life_seconds)


async def contribute(
    connection: Connection,
    actor: Actor,
    request: ContributionsRequest,
    *,
    half_life_seconds: float,
) -> Contributions:
    """Adds points that the portal counted; all or nothing.

    Raises:
        InvalidInput: accounts that do not exist, each named.
    """
    actor.require()
    pointers = [f"/contributions/{index}/account" for index in range(len(request.contributions))]
    found = await _resolved(connection, [c.account for c in request.contributions], pointers)
    points: dict[AccountId, float] = {}
    for each, (account, _) in zip(request.contributions, found, strict=True):
        points[account] = points.get(account, 0.0) + each.points
    now = await contributions.contribute(connection, points, half_life_seconds=half_life_seconds)
    return Contributions(
        items=[
            Points(account=account, account_name=name, points=now[account])
            for account, name in sorted(set(found), key=lambda pair: pair[1])
        ]
    )


async def _of(connection: Connection, account: AccountId, *, half_life_seconds: float) -> Donations:
    row = await quotas.of_account(connection, account, half_life_seconds=half_life_seconds)
    return Donations(
        account=account,
        credit_recent=row.basis.own_credit_recent,
        donations=await contributions.donations(connection, account),
    )


async def _resolved(
    connection: Connection, references: Sequence[str], pointers: Sequence[str]
) -> list[tuple[AccountId, str]]:
    """(id, name) of accounts by handle or id.

    Raises:
        InvalidInput: with an entry for each that does not exist.
    """
    parsed: list[tuple[str | None, int | None]] = []
    for reference, pointer in zip(references, pointers, strict=True):
        try:
            parsed.append(resolve("account", reference, pointer))
        except NotFound:
            parsed.append((None, None))  # no possible handle: not found below
    found = await contributions.resolve(connection, parsed)
    absent = [
        FieldError(pointer, f"there is no account {reference[:80]!r}")
        for place, (reference, pointer) in enumerate(zip(references, pointers, strict=True))
        if place not in found
    ]
    if absent:
        raise InvalidInput("some accounts do not exist", errors=absent[:FIELDS_TOLD_MAX])
    return [found[place] for place in range(len(references))]
