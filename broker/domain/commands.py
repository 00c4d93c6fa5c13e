"""Command templates, checked when an app version is made: `workers.command` fills them in.

    {name}      the value of a parameter
    {python}    the interpreter that runs the agent
    {{  }}      literal braces

What passes here never fails on a host; a test runs both over the same templates.
"""

import re
from collections.abc import Collection, Iterator

_TOKEN = re.compile(r"\{\{|\}\}|\{([A-Za-z][A-Za-z0-9_]*)\}|[{}]")
PYTHON = "python"


def problems(element: str, parameters: Collection[str]) -> Iterator[str]:
    """What is wrong with one element of a command.

    Args:
        element: program or argument, with placeholders.
        parameters: names that placeholders may use.
    """
    if "\0" in element:
        yield "a NUL character cannot be passed to a program"
    for match in _TOKEN.finditer(element):
        token, name = match.group(), match.group(1)
        if name is None:
            if token not in ("{{", "}}"):
                yield f"lone {token!r}; write it twice for a literal brace"
        elif name != PYTHON and name not in parameters:
            yield f"{{{name}}} is no parameter of the version"
