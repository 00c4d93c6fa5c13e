"""The fair-share table: what each account is due, and what it has."""

import sys
import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from broker.cli import share_tree
from broker.cli.options import OWNERS
from broker.cli.render import Column, fitting, human, print_line, print_list, table
from broker.cli.session import Session, command

if TYPE_CHECKING:
    from rich.console import Console, Group

    from broker.protocol.shares import Share, Shares

BAR_CELLS: Final = 18


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app, rich_help_panel=OWNERS)(shares)


def shares(
    session: Session,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until Ctrl-C.")] = False,
    every: Annotated[float, typer.Option(min=0.2, help="Seconds between two looks.")] = 2.0,
    tree: Annotated[bool, typer.Option("--tree", help="Groups, and accounts in them.")] = False,
) -> None:
    """Show how the slots are shared: quota, history, what is due, what is held.

    In the bar, the filled part is the share that an account holds now and the mark its quota.
    """
    from rich.console import Console
    from rich.live import Live

    live = watch and sys.stdout.isatty() and not session.json
    with session.client() as client:
        now = client.shares()
        if tree and not session.json:
            share_tree.print_tree(now)
            return
        if not live:
            _print(session, now)
            while watch:
                time.sleep(every)
                _print(session, client.shares())
            return
        console = Console()
        with Live(_picture(now, console), console=console, auto_refresh=False) as screen:
            while True:
                time.sleep(every)
                screen.update(_picture(client.shares(), console), refresh=True)


def bar(held: float, quota: float, cells: int = BAR_CELLS) -> str:
    """A bar of `cells` characters: filled up to `held`, with a mark at `quota` (both 0 to 1).

    >>> bar(0.5, 0.75, 8)
    '████░░┃░'
    """
    filled = round(min(max(held, 0.0), 1.0) * cells)
    mark = min(int(min(max(quota, 0.0), 1.0) * cells), cells - 1)
    return "".join("┃" if cell == mark else "█" if cell < filled else "░" for cell in range(cells))


def _print(session: Session, now: "Shares") -> None:
    if session.json:
        print_line(now.model_dump_json())
    elif sys.stdout.isatty():
        from rich.console import Console

        console = Console()
        console.print(_picture(now, console))
    else:
        print_list(now.items, _columns(now), json=False)


def _picture(now: "Shares", console: "Console") -> "Group":
    from rich.console import Group
    from rich.text import Text

    held = sum(item.allocated_slots for item in now.items)
    when = f", planned {human(now.planned_at)}" if now.planned_at else ""
    columns = fitting(now.items, _columns(now), console.width)
    return Group(
        Text(f"{held:g} of {now.capacity_slots:g} slots held{when}"), table(now.items, columns)
    )


def _columns(now: "Shares") -> "list[Column[Share]]":
    capacity = now.capacity_slots or 1
    return [
        Column("account", lambda s: s.account_name),
        Column("quota", lambda s: s.quota, right=True, spare=1),
        Column("quota %", lambda s: f"{s.quota_fraction:.1%}", right=True),
        Column("used (slot-s)", lambda s: f"{s.usage_gpu_seconds:.0f}", right=True, spare=2),
        Column("due", lambda s: f"{s.entitlement_slots:.1f}", right=True),
        Column("held", lambda s: f"{s.allocated_slots:g}", right=True),
        Column("waiting", lambda s: s.pending_jobs, right=True),
        Column("held against quota", lambda s: bar(s.allocated_slots / capacity, s.quota_fraction)),
    ]
