"""Ids as people type them: `job_17`, or `17` where only one kind can be meant."""

import typer


def identify(text: str, *kinds: str) -> tuple[str, str]:
    """The kind and the public id behind what was typed.

    Args:
        text: e.g. "job_17" or "17".
        kinds: the kinds that the command takes, e.g. "job", "batch".

    Raises:
        typer.BadParameter: another kind, or a bare number where several could be meant.
    """
    kind, underscore, number = text.rpartition("_")
    if not (number.isascii() and number.isdigit()) or (underscore and kind not in kinds):
        raise typer.BadParameter(f"expected {_either(kinds)}, got {text!r}")
    if underscore:
        return kind, text
    if len(kinds) > 1:
        raise typer.BadParameter(f"{text} could be {_either(kinds, number)}; say which")
    return kinds[0], f"{kinds[0]}_{number}"


def _either(kinds: tuple[str, ...], number: str = "17") -> str:
    return " or ".join(f"{kind}_{number}" for kind in kinds)
