"""Handles and ids in one place of the path: `alice` or `account_5`."""

import re

from broker.errors import NotFound
from broker.protocol.ids import parse
from broker.protocol.limits import NAME_CHARACTERS_MAX

# As broker.protocol.base.Name; a handle has no underscore, so it is never mistaken for an id.
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


def resolve(kind: str, reference: str, pointer: str) -> tuple[str | None, int | None]:
    """(handle, id) of an account or app, one of them None.

    Args:
        kind: prefix of its ids, e.g. "account".
        reference: what the client sent.
        pointer: where it stood, for the error.

    Raises:
        InvalidInput: an id, but not of this kind.
        NotFound: neither an id nor a possible handle; the database is not asked, which cannot
            even store some texts.
    """
    if "_" in reference:
        return None, parse(kind, reference, pointer)
    if len(reference) > NAME_CHARACTERS_MAX or not _NAME.fullmatch(reference):
        raise absent(kind, reference)
    return reference, None


def absent(kind: str, reference: str) -> NotFound:
    """The error for an object that is not there."""
    return NotFound(f"there is no {kind} {reference[:80]!r}", ids=(reference[:80],))
