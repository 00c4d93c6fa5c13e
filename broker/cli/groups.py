"""Groups of accounts: labs and virtual organisations, a tree in which quotas weigh siblings."""

from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.accounts import resolved
from broker.cli.options import ADMINS, LIMIT_DEFAULT, Limit, OfAccount, limits_of
from broker.cli.quotas import GpuSecondsBudget, Maximum, Minimum, PeriodDays, budget_words
from broker.cli.render import Column, note, print_document, print_done, print_list
from broker.cli.session import Session, command, default

if TYPE_CHECKING:
    from broker.protocol.groups import Group, Membership

groups = typer.Typer(help="Groups of accounts: list, show, create, set, join, leave, delete.")

OfGroup = Annotated[str, typer.Argument(metavar="GROUP", help="Handle or id of the group.")]
Title = Annotated[str | None, typer.Option(help="What people call it.")]
Parent = Annotated[str | None, typer.Option(help="Group that it belongs to; none for no group.")]
Weight = Annotated[float | None, typer.Option(help="Weight among its siblings.")]
JobsMax = Annotated[
    str | None, typer.Option(help="Most jobs in progress of all members; none for no limit.")
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(groups, name="groups", rich_help_panel=ADMINS)


@default(groups)
@command(groups, "list")
def list_groups(session: Session, limit: Limit = LIMIT_DEFAULT) -> None:
    """List groups, newest first."""
    columns: list[Column[Group]] = [
        Column("name", lambda g: g.name),
        Column("title", lambda g: g.title),
        Column("parent", lambda g: g.parent_name),
        Column("weight", lambda g: g.weight, right=True),
        Column("minimum", lambda g: g.minimum_slots, right=True),
        Column("maximum", lambda g: g.maximum_slots, right=True),
        Column("jobs", lambda g: g.jobs_in_progress, right=True),
        Column("budget", lambda g: budget_words(g.budget), right=True),
        Column("accounts", lambda g: g.accounts, right=True),
    ]
    with session.client() as client:
        items = client.groups(limit=limit or None)
        print_list(items, columns, json=session.json, empty="no groups")


@command(groups, "show")
def show(session: Session, group: OfGroup) -> None:
    """Show one group."""
    with session.client() as client:
        _print(session, client.group(group))


@command(groups, "create")
def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="Unique handle.")],
    title: Title = None,
    parent: Parent = None,
    weight: Weight = None,
    minimum: Minimum = None,
    maximum: Maximum = None,
    jobs_max: JobsMax = None,
    budget: GpuSecondsBudget = None,
    budget_days: PeriodDays = None,
) -> None:
    """Create a group; then let accounts join it."""
    from broker.client.submissions import checked
    from broker.protocol.groups import GroupRequest

    given = _given(title, parent, weight, minimum, maximum, jobs_max, budget, budget_days)
    with session.client() as client:
        _print(session, client.create_group(checked(GroupRequest, {"name": name, **given})))


@command(groups, "set")
def change(
    session: Session,
    group: OfGroup,
    title: Title = None,
    parent: Parent = None,
    weight: Weight = None,
    minimum: Minimum = None,
    maximum: Maximum = None,
    jobs_max: JobsMax = None,
    budget: GpuSecondsBudget = None,
    budget_days: PeriodDays = None,
) -> None:
    """Change a group, or move it with all below it; what is left out stays."""
    from broker.client.submissions import checked
    from broker.protocol.groups import GroupChange

    given = _given(title, parent, weight, minimum, maximum, jobs_max, budget, budget_days)
    if not given:
        raise typer.BadParameter("give at least one change")
    with session.client() as client:
        _print(session, client.change_group(group, checked(GroupChange, given)))


def _given(
    title: str | None,
    parent: str | None,
    weight: float | None,
    minimum: float | None,
    maximum: str | None,
    jobs_max: str | None,
    budget: str | None,
    budget_days: str | None,
) -> dict[str, object]:
    """The fields that the options name; the word "none" is null."""
    plain = {"title": title, "weight": weight, "minimum_slots": minimum}
    given: dict[str, object] = {name: v for name, v in plain.items() if v is not None}
    if parent is not None:
        given["parent"] = None if parent == "none" else parent
    return given | limits_of(
        maximum_slots=maximum,
        jobs_in_progress_max=jobs_max,
        gpu_seconds_budget=budget,
        budget_period_days=budget_days,
    )


@command(groups, "delete")
def delete(session: Session, group: OfGroup) -> None:
    """Delete a group that has neither groups nor accounts."""
    with session.client() as client:
        client.delete_group(group)
    print_done(f"{group} is deleted", json=session.json)


@command(groups, "members")
def members(session: Session, group: OfGroup, limit: Limit = LIMIT_DEFAULT) -> None:
    """List the accounts that belong to a group directly."""
    columns: list[Column[Membership]] = [
        Column("account", lambda m: m.account_name),
        Column("group", lambda m: m.group_name),
    ]
    with session.client() as client:
        items = client.group_members(group, limit=limit or None)
        print_list(items, columns, json=session.json, empty="no members")


@command(groups, "join")
def join(session: Session, group: OfGroup, account: OfAccount) -> None:
    """Make an account a member of a group; it leaves the one where it was."""
    with session.client() as client:
        client.join_group(group, resolved(client, account))
    print_done(f"{account} belongs to {group}", json=session.json)


@command(groups, "leave")
def leave(session: Session, group: OfGroup, account: OfAccount) -> None:
    """Take an account out of a group."""
    with session.client() as client:
        client.leave_group(group, resolved(client, account))
    print_done(f"{account} left {group}", json=session.json)


def _print(session: Session, group: "Group") -> None:
    from broker.protocol.ids import show

    rows = [
        ("id", show("group", group.id)),
        ("name", group.name),
        ("title", group.title),
        ("parent", group.parent_name),
        ("weight", group.weight),
        ("minimum slots", group.minimum_slots),
        ("maximum slots", group.maximum_slots),
        ("jobs in progress", group.jobs_in_progress),
        ("jobs in progress, most", group.jobs_in_progress_max),
        ("budget (GPU-seconds)", budget_words(group.budget)),
        ("budget starts anew", group.budget.resets_at if group.budget else None),
        ("accounts", group.accounts),
        ("created", group.created_at),
    ]
    print_document(group, rows, json=session.json)
    for warning in group.warnings:
        note(f"warning: {warning}")
