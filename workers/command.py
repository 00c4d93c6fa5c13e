"""Command templates: parameters become arguments, and nothing ever reaches a shell.

    {name}      the value of a parameter; true and false for booleans
    {python}    the interpreter that runs the agent
    {{  }}      literal braces

Each template element becomes exactly one argument, whatever the value contains. Pure functions.
"""

import re
from collections.abc import Mapping, Sequence

_TOKEN = re.compile(r"\{\{|\}\}|\{([A-Za-z][A-Za-z0-9_]*)\}|[{}]")
PYTHON = "python"


class CommandInvalid(ValueError):
    """A template that cannot be filled in; the message names the element and the reason."""


def expand(template: Sequence[str], parameters: Mapping[str, object], *, python: str) -> list[str]:
    """The argument vector of a job.

    Args:
        template: program and arguments as the app version has them.
        parameters: values of all parameters.
        python: path of the interpreter that `{python}` stands for.

    Raises:
        CommandInvalid: an unknown placeholder, a lone brace, a value that is no scalar, or a
            value with a NUL character (which no argument can carry).
    """
    values = {name: _text(name, value) for name, value in parameters.items()}
    values[PYTHON] = python
    return [_fill(element, values) for element in template]


def _fill(element: str, values: Mapping[str, str]) -> str:
    def replace(match: re.Match[str]) -> str:
        token, name = match.group(), match.group(1)
        if token in ("{{", "}}"):
            return token[0]
        if name is None:
            raise CommandInvalid(f"lone {token!r} in command element {element[:80]!r}")
        if name not in values:
            raise CommandInvalid(
                f"unknown placeholder {{{name}}} in command element {element[:80]!r}"
            )
        return values[name]

    filled = _TOKEN.sub(replace, element)
    if "\0" in filled:
        raise CommandInvalid(f"NUL character in command element {element[:80]!r}")
    return filled


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | str):
        return str(value)
    raise CommandInvalid(f"parameter {name!r} is no number, text or boolean")
