"""Quotas: what an account is owed, where that comes from, and its limits."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.accounts import resolved
from broker.cli.options import ADMINS, OfAccount, limits_of
from broker.cli.render import note, print_document
from broker.cli.session import Session, command
from broker.protocol.states import QuotaPolicy

if TYPE_CHECKING:
    from broker.protocol.quotas import Budget, Quota

quota = typer.Typer(no_args_is_help=True, help="Quotas: show, set, mix, preview.")

Minimum = Annotated[
    float | None, typer.Option("--minimum", help="Slots that come before all siblings.")
]
Maximum = Annotated[str | None, typer.Option("--maximum", help="Most slots; none for no cap.")]
GpuSecondsBudget = Annotated[
    str | None, typer.Option("--budget", help="Most GPU-seconds in a period; none for no budget.")
]
PeriodDays = Annotated[
    str | None, typer.Option("--budget-days", help="Days of that period; none for no end.")
]

Factor = Annotated[float | None, typer.Option(help="How much this policy counts.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(quota, name="quota", rich_help_panel=ADMINS)


@command(quota, "show")
def show(session: Session, account: OfAccount = "me") -> None:
    """Show the quota of an account, and what it has used."""
    with session.client() as client:
        _print(session, client.quota(resolved(client, account)))


@command(quota, "set")
def change(
    session: Session,
    account: OfAccount,
    quota: Annotated[float | None, typer.Option(help="Weight among its siblings.")] = None,
    until: Annotated[
        datetime | None,
        typer.Option(help="When the former quota comes back by itself; local time."),
    ] = None,
    policy: Annotated[QuotaPolicy | None, typer.Option(help="Where the weight comes from.")] = None,
    jobs_max: Annotated[int | None, typer.Option(help="Most jobs in progress.")] = None,
    minimum: Minimum = None,
    maximum: Maximum = None,
    budget: GpuSecondsBudget = None,
    budget_days: PeriodDays = None,
) -> None:
    """Change a quota; what is left out stays."""
    from broker.client.submissions import checked
    from broker.protocol.quotas import QuotaRequest

    fields = {
        "quota": quota,
        "quota_until": until.astimezone() if until else None,
        "policy": policy,
        "jobs_in_progress_max": jobs_max,
        "minimum_slots": minimum,
    }
    given: dict[str, object] = {name: value for name, value in fields.items() if value is not None}
    given |= limits_of(
        maximum_slots=maximum, gpu_seconds_budget=budget, budget_period_days=budget_days
    )
    if not given:
        raise typer.BadParameter(
            "give at least one of --quota, --policy, --jobs-max, --minimum, "
            "--maximum, --budget, --budget-days"
        )
    request = checked(QuotaRequest, given)
    with session.client() as client:
        _print(session, client.set_quota(resolved(client, account), request))


@command(quota, "mix")
def mix(
    session: Session,
    manual: Factor = None,
    own_hosts: Factor = None,
    donated: Factor = None,
    contribution: Factor = None,
) -> None:
    """Show, or change, how much each policy counts where they are combined."""
    from broker.client.submissions import checked
    from broker.protocol.quotas import QuotaMix

    wanted = {
        "manual": manual,
        "own_hosts": own_hosts,
        "donated": donated,
        "contribution": contribution,
    }
    given = {name: factor for name, factor in wanted.items() if factor is not None}
    with session.client() as client:
        now = client.quota_mix()
        if given:
            now = client.set_quota_mix(checked(QuotaMix, now.model_dump() | given))
    rows = [(name.replace("_", " "), factor) for name, factor in now.model_dump().items()]
    print_document(now, rows, json=session.json)


def _print(session: Session, quota: "Quota") -> None:
    from broker.protocol.ids import show

    rows = [
        ("account", show("account", quota.account)),
        ("group", quota.group_name),
        ("quota", quota.quota),
        ("until", quota.quota_until),
        ("then", quota.quota_afterwards),
        ("policy", quota.policy),
        ("weight in force", quota.weight),
        ("minimum slots", quota.minimum_slots),
        ("maximum slots", quota.maximum_slots),
        ("jobs in progress", f"{quota.jobs_in_progress} of {quota.jobs_in_progress_max}"),
        ("budget (GPU-seconds)", budget_words(quota.budget)),
        ("budget starts anew", quota.budget.resets_at if quota.budget else None),
        ("used (slot-seconds)", quota.usage_gpu_seconds),
        ("credit of own hosts/day", quota.credit_recent),
        ("donated credit/day", quota.donated_credit_recent),
        ("contribution points", quota.contribution_points),
    ]
    print_document(quota, rows, json=session.json)
    for warning in quota.warnings:
        note(f"warning: {warning}")


def budget_words(budget: "Budget | None") -> str | None:
    """How much of a budget is gone."""
    if budget is None:
        return None
    used = budget.spent_gpu_seconds + budget.reserved_gpu_seconds
    return f"{used:.0f} of {budget.gpu_seconds:.0f}"
