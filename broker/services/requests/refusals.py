"""Refusals of a question about several objects, raised with the field that each is for."""

from collections.abc import Mapping, Sequence
from typing import NoReturn

from broker.domain.access.compound import Refusal
from broker.errors import FieldError, Forbidden, InvalidInput
from broker.services.requests.references import absent


def refuse(
    refusals: Sequence[Refusal], named: Mapping[str, tuple[str, str]], *, ids: tuple[str, ...] = ()
) -> NoReturn:
    """Raises what stands in the way.

    Args:
        refusals: at least one.
        named: by pointer: kind of what is named there, and its name.

    Raises:
        InvalidInput: of what is not to be seen, as if it were not there.
        Forbidden: of everything else.
    """
    for each in refusals:
        if each.unseen:
            raise InvalidInput.of(each.pointer, absent(*named[each.pointer]).message)
    errors = [FieldError(each.pointer, each.rule) for each in refusals]
    raise Forbidden("; ".join(each.rule for each in refusals), ids=ids, errors=errors)
