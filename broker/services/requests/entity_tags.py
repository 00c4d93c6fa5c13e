"""Entity tags (RFC 9110, 8.8.3): so that nobody overwrites another's change."""

import hashlib


def tag_of(*edited: object) -> str:
    """A strong tag of the values that people edit; usage and other moving numbers stay out."""
    text = "\x1f".join(repr(value) for value in edited)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def matches(if_match: frozenset[str], tag: str) -> bool:
    """Whether an If-Match allows a change; an empty one allows every change."""
    return not if_match or not if_match.isdisjoint({tag, "*"})
