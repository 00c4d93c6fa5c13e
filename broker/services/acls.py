"""Access lists as clients write them: names of principals become ids, every entry a grant."""

from collections.abc import Sequence

from broker.domain.access import Mask, Resource, compound, mask
from broker.errors import FieldError, Forbidden, InvalidInput, NotFound
from broker.protocol.acls import AclEntry
from broker.protocol.ids import PrincipalId
from broker.protocol.nodes import EVERYONE, REGISTERED
from broker.services.actor import Actor
from broker.services.references import resolve
from broker.storage import principals
from broker.storage.database import Connection
from broker.storage.principals import PrincipalKey

GROUPS = {"registered": REGISTERED, "everyone": EVERYONE}


async def granted(
    connection: Connection,
    actor: Actor,
    node: Resource,
    entries: Sequence[AclEntry],
    pointer: str,
) -> dict[PrincipalId, Mask]:
    """The list that some entries make, once the caller may give each of them on a node.

    Args:
        node: as it is now.
        pointer: JSON pointer of the entries.

    Raises:
        InvalidInput: a principal that is not there, or was deleted.
        Forbidden: a grant that the caller may not make.
    """
    who = await _principals(connection, entries, pointer)
    errors = [
        FieldError(f"{pointer}/{index}{refusal.pointer}", refusal.rule)
        for index, (entry, principal) in enumerate(zip(entries, who, strict=True))
        for refusal in compound.grant(actor.principal, node, entry.role, principal)
    ]
    if errors:
        raise Forbidden("; ".join({each.detail for each in errors}), errors=errors)
    held: dict[PrincipalId, Mask] = {}
    for entry, principal in zip(entries, who, strict=True):
        held[principal] = held.get(principal, 0) | mask([entry.role])
    return held


async def _principals(
    connection: Connection, entries: Sequence[AclEntry], pointer: str
) -> list[PrincipalId]:
    keys = {
        entry.principal: _key(entry.principal, f"{pointer}/{index}/principal")
        for index, entry in enumerate(entries)
        if entry.principal not in GROUPS
    }
    known = await principals.named(connection, keys.values())
    errors = [
        FieldError(f"{pointer}/{index}/principal", f"there is no {entry.principal[:80]!r}")
        for index, entry in enumerate(entries)
        if entry.principal in keys and keys[entry.principal] not in known
    ]
    if errors:
        raise InvalidInput(f"{errors[0].pointer}: {errors[0].detail}", errors=errors)
    return [
        GROUPS[entry.principal] if entry.principal in GROUPS else known[keys[entry.principal]]
        for entry in entries
    ]


def _key(text: str, pointer: str) -> PrincipalKey:
    """`ann`, `account_3`, `team:physics` or `team_5`."""
    kind = "team" if text.startswith(("team:", "team_")) else "account"
    try:
        name, number = resolve(kind, text.removeprefix("team:"), pointer)
    except NotFound as error:
        raise InvalidInput.of(pointer, error.message) from None
    return (kind, name) if name is not None else (kind, number or 0)
