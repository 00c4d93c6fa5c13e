"""Text for people: one line, no control characters, not too long."""

from broker.protocol.base import CONTROL_CHARACTERS


def one_line(text: str, characters_max: int = 1_000) -> str:
    """The text as a report's message may have it."""
    clean = "".join(" " if c in CONTROL_CHARACTERS or c in "\t\n" else c for c in text)
    clean = clean.encode(errors="replace").decode().strip()
    return clean if len(clean) <= characters_max else clean[: characters_max - 3] + "..."
