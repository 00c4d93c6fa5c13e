"""Arguments and options that several commands share."""

from typing import Annotated

import typer

Limit = Annotated[int, typer.Option("--limit", "-n", min=0, help="Most lines; 0 for all.")]
OfAccount = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Handle or id; me for yourself.")]
OfNode = Annotated[
    str,
    typer.Argument(
        metavar="NODE", help="Id such as folder_18, handle of a project, or app:NAME, pool:NAME."
    ),
]
OfApp = Annotated[
    str, typer.Argument(metavar="APP", help="Handle (ising, or lab/ising in a project) or id.")
]
OfTable = Annotated[str, typer.Argument(metavar="TABLE", help="lab/runs, or an id like table_7.")]
In = Annotated[
    str | None,
    typer.Option("--project", help="Handle or id of a project; id of a workspace or folder."),
]
Roles = Annotated[
    list[str],
    typer.Option("--role", metavar="WHO=ROLE", help="Who holds what, e.g. team:lab=editor."),
]

LIMIT_DEFAULT = 50

SCIENTISTS = "Jobs"
OWNERS = "Hosts and shares"
ADMINS = "Apps and accounts"
SHARING = "Projects and sharing"
SERVERS = "Servers"
"""Panels of `fairlead --help`."""


def entries_of(roles: list[str]) -> list[dict[str, object]]:
    """Entries of an access list from `WHO=ROLE` options."""
    held: dict[str, list[str]] = {}
    for text in roles:
        who, equals, role = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"expected WHO=ROLE, got {text!r}")
        held.setdefault(who, []).append(role)
    return [{"principal": who, "roles": names} for who, names in held.items()]


def eighths_of(text: str) -> int:
    """A part of a GPU in eighths: "1/8", "2/8", "1/4", "1/2"."""
    number, _, parts = text.partition("/")
    if not (number.isdecimal() and parts in ("2", "4", "8") and 0 < int(number) < int(parts)):
        raise typer.BadParameter(
            f"expected a part of a GPU in eighths like 1/8 or 1/2, got {text!r}"
        )
    return int(number) * 8 // int(parts)


def limits_of(**options: str | None) -> dict[str, object]:
    """Limits as fields of a request: left out stays out, "none" removes, else a number."""
    return {
        name: None if text == "none" else _number(text)
        for name, text in options.items()
        if text is not None
    }


def _number(text: str) -> float | int:
    try:
        number = float(text)
    except ValueError:
        raise typer.BadParameter(f"expected a number or none, got {text!r}") from None
    return int(number) if number.is_integer() else number
