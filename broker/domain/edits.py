"""What an edit changed: the fields that differ between two documents."""

from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from broker.protocol.apps import FieldChange


def changes(
    before: Mapping[str, JsonValue], after: Mapping[str, JsonValue], pointer: str = ""
) -> list[FieldChange]:
    """The fields whose values differ, each by its JSON pointer (RFC 6901), in order.

    Objects are compared field by field; arrays and everything else as a whole.
    """
    return list(_changes(before, after, pointer))


def _changes(
    before: Mapping[str, JsonValue], after: Mapping[str, JsonValue], pointer: str
) -> Iterator[FieldChange]:
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        place = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _changes(old, new, place)
        elif old != new or type(old) is not type(new):
            yield FieldChange(field=place, before=old, after=new)
