"""Writes the parts of docs/ that the code already says: states, settings, errors, who may do what.

    python docs/generate.py           rewrite them in place
    python docs/generate.py --check   exit with 1 and name the pages that are stale

A page marks such a part by `<!-- generated: NAME -->` and `<!-- end -->`; what stands between is
ours, everything else is the author's. A test runs the check.
"""

import inspect
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from broker.config import Settings
from broker.domain import access
from broker.domain.access import roles
from broker.domain.jobs import (
    COUNTS_AS_FAILURE,
    DEBITED,
    EVENT_OF_OUTCOME,
    TRANSITIONS,
    USED,
    JobEvent,
)
from broker.errors import FairleadError
from broker.protocol.problems import STATUS
from broker.protocol.states import TERMINAL_STATES, JobState
from workers.settings import WorkerSettings

DOCS = Path(__file__).parent
PART = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
RULE = re.compile(r"\b[BCHTY]\d+\b")


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    columns = list(head)
    lines = [columns, ["---"] * len(columns), *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def code(text: object) -> str:
    return f"`{text}`"


# -- life-cycle.md ------------------------------------------------------------------------------


def state_diagram() -> str:
    """TRANSITIONS as a Mermaid state diagram; events between the same states share an arrow."""
    arrows: dict[tuple[JobState, JobState], list[JobEvent]] = {}
    for (state, event), target in TRANSITIONS.items():
        arrows.setdefault((state, target), []).append(event)
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> queued: submit"]
    lines += [
        f"    {state} --> {target}: {', '.join(events)}"
        for (state, target), events in arrows.items()
    ]
    lines += [f"    {state} --> [*]" for state in TERMINAL_STATES]
    return "\n".join([*lines, "```"])


def transitions() -> str:
    """The same as a table: states down, events across, the next state in the cell."""
    rows = [
        [code(state), *(code(TRANSITIONS.get((state, event), "")).strip("`") for event in JobEvent)]
        for state in JobState
    ]
    return table(["", *(f"*{event}*" for event in JobEvent)], rows)


def outcomes() -> str:
    """What each outcome of an attempt means for the job and for the account."""
    rows = [
        [
            code(outcome),
            f"*{event}*",
            "yes" if outcome in DEBITED else "no",
            "yes" if outcome in USED else "no",
            "yes" if outcome in COUNTS_AS_FAILURE else "no",
        ]
        for outcome, event in EVENT_OF_OUTCOME.items()
    ]
    return table(["outcome", "event", "charged", "usage", "counts towards quarantine"], rows)


# -- configuration.md ---------------------------------------------------------------------------


def settings_table(settings: type[BaseSettings]) -> str:
    """Every setting of a class: variable, default, meaning."""
    prefix = settings.model_config.get("env_prefix", "")
    rows = [
        [
            code(f"{prefix}{name}".upper()),
            default(field),
            " ".join((field.description or "").split()) + bounds(field.metadata),
        ]
        for name, field in settings.model_fields.items()
    ]
    return table(["variable", "default", "meaning"], rows)


def default(field: Any) -> str:
    """A field's default for people."""
    if field.is_required():
        return "required"
    if field.default is PydanticUndefined:  # a factory makes it
        return "see below"
    return "none" if field.default is None else code(field.default)


def bounds(metadata: Iterable[Any]) -> str:
    """The bounds of a number, as a sentence."""
    words = {"ge": "at least", "gt": "greater than", "le": "at most", "lt": "less than"}
    said = [
        f"{text} {getattr(limit, name):,}"
        for limit in metadata
        for name, text in words.items()
        if isinstance(getattr(limit, name, None), int | float)
    ]
    return f" ({', '.join(said)})" if said else ""


def broker_settings() -> str:
    return settings_table(Settings)


def worker_settings() -> str:
    return settings_table(WorkerSettings)


# -- permissions.md -----------------------------------------------------------------------------


def rules_of_roles() -> dict[str, list[str]]:
    """The rule numbers that stand above and within each row of access.ADDS, by role name."""
    source = inspect.getsource(roles)
    body = source[source.index("ADDS: Final") : source.index("LADDERS: Final")]
    rules: dict[str, list[str]] = {}
    above: list[str] = []
    for line in body.splitlines():
        text, _, comment = line.partition("#")
        found = RULE.findall(comment)
        if row := re.match(r"    Role\.([A-Z_]+):", text):
            rules[row[1]], above = above + found, []
        elif re.match(r"    #", line):
            above += found
        elif found:
            rules[next(reversed(rules))] += found
    return rules


def what_each_role_adds() -> str:
    """access.ADDS: what each role contains beyond the one that it includes."""
    rules = rules_of_roles()
    rows = []
    for role, rights in access.ADDS.items():
        everything = len(rights) >= len(access.Action) - 1
        said = "everything" if everything else ", ".join(map(code, sorted(rights)))
        rows.append([code(role), said, ", ".join(rules.get(role.name, []))])
    return table(["role", "adds", "rules"], rows)


def decisions() -> str:
    """Which roles give an action."""
    rows = [[code(action), "; ".join(access.roles_with(action))] for action in access.Action]
    return table(["action", "roles that give it"], rows)


# -- api.md -------------------------------------------------------------------------------------


def errors() -> str:
    """Every error class with its code, status and meaning."""
    rows = [
        [code(cls.code), str(status), (cls.__doc__ or "").strip().splitlines()[0]]
        for cls, status in STATUS.items()
        if cls is not FairleadError
    ]
    rows.append([code(FairleadError.code), str(STATUS[FairleadError]), "A bug; the log has it."])
    return table(["code", "status", "meaning"], rows)


PARTS: dict[str, Callable[[], str]] = {
    "state-diagram": state_diagram,
    "transitions": transitions,
    "outcomes": outcomes,
    "broker-settings": broker_settings,
    "worker-settings": worker_settings,
    "decisions": decisions,
    "roles": what_each_role_adds,
    "errors": errors,
}


def renewed(text: str) -> str:
    """A page with every generated part as the code says now.

    Raises:
        KeyError: the page asks for a part that there is not.
    """
    return PART.sub(lambda part: f"{part[1]}{PARTS[part[2]]()}\n{part[3]}", text)


def stale_pages() -> dict[Path, str]:
    """Pages whose generated parts differ from the code, with what they should be."""
    pages = {path: path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.md"))}
    return {path: new for path, text in pages.items() if (new := renewed(text)) != text}


def main(arguments: list[str]) -> int:
    stale = stale_pages()
    for path, text in stale.items():
        if "--check" in arguments:
            print(f"{path} is stale: run `python docs/generate.py`")
        else:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
