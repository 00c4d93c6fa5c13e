"""What would be due to whom if quotas were others."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from broker.cli.options import limits_of
from broker.cli.quotas import quota
from broker.cli.render import Column, print_line, print_list
from broker.cli.session import Session, command

if TYPE_CHECKING:
    from broker.protocol.preview import PreviewRow

BOUNDS: Final = {"weight": "weight", "minimum": "minimum_slots", "maximum": "maximum_slots"}


def add_to(app: typer.Typer) -> None:
    """Register the command; it belongs to `fairlead quota`."""
    command(quota, "preview")(preview)


def preview(
    session: Session,
    account: Annotated[
        list[str], typer.Option(metavar="NAME:FIELD=VALUE,...", help="An account as it might be.")
    ] = [],  # noqa: B006  typer copies it
    group: Annotated[
        list[str], typer.Option(metavar="NAME:FIELD=VALUE,...", help="A group as it might be.")
    ] = [],  # noqa: B006
    full: Annotated[bool, typer.Option("--full", help="As if everybody wanted all slots.")] = False,
    capacity: Annotated[int | None, typer.Option(help="Slots of the fleet.")] = None,
) -> None:
    """Say who would get what if quotas were others; nothing is changed.

    Fields are weight, minimum and maximum; of an account also group, of a group also parent. The
    value none removes a maximum or a membership: --account ann:weight=5,group=none
    """
    from broker.client.submissions import checked
    from broker.protocol.preview import PreviewRequest, PreviewRow

    fields: dict[str, object] = {"demand": "full" if full else "present"}
    if account:
        fields["accounts"] = [_if("account", text) for text in account]
    if group:
        fields["groups"] = [_if("group", text) for text in group]
    if capacity is not None:
        fields["capacity_slots"] = capacity
    columns: list[Column[PreviewRow]] = [
        Column("name", lambda r: "  " * r.level + r.name + ("/" if r.kind == "group" else "")),
        Column("weight", lambda r: r.weight_before, right=True),
        Column("then", lambda r: r.weight_after, right=True),
        Column("wants", lambda r: f"{r.demand_slots:.4g}", right=True),
        Column("due", lambda r: f"{r.entitlement_slots_before:.1f}", right=True),
        Column("then due", lambda r: f"{r.entitlement_slots_after:.1f}", right=True),
        Column("change", lambda r: _change(r), right=True),
    ]
    with session.client() as client:
        answer = client.preview_quotas(checked(PreviewRequest, fields))
    if session.json:
        print_line(answer.model_dump_json())
    else:
        print_list(answer.items, columns, json=False, empty="nobody has jobs or usage")


def _if(kind: str, text: str) -> dict[str, object]:
    """`ann:weight=5,group=none` as fields of a request."""
    name, _, rest = text.partition(":")
    above = "group" if kind == "account" else "parent"
    fields: dict[str, object] = {kind: name}
    for part in rest.split(",") if rest else ():
        field, _, value = part.partition("=")
        if not value or field not in (*BOUNDS, above):
            known = ", ".join((*BOUNDS, above))
            raise typer.BadParameter(f"{part!r}: expected FIELD=VALUE with one of {known}")
        if field == above:
            fields[above] = None if value == "none" else value
        else:
            fields |= limits_of(**{BOUNDS[field]: value})
    return fields


def _change(row: "PreviewRow") -> str:
    change = row.entitlement_slots_after - row.entitlement_slots_before
    return "-" if abs(change) < 0.05 else f"{change:+.1f}"
