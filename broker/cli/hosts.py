"""Hosts: list, enrol, drain, resume, ban."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.names import identify
from broker.cli.options import LIMIT_DEFAULT, OWNERS, Limit
from broker.cli.render import Column, note, print_document, print_done, print_line, print_list
from broker.cli.session import Session, command, default

if TYPE_CHECKING:
    from broker.protocol.hosts import Host
    from broker.protocol.resources import Gpu

OneHost = Annotated[str, typer.Argument(metavar="HOST", help="host_3, or 3")]
group = typer.Typer(help="Hosts that run jobs: list, show, enroll, drain, resume, ban.")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(group, name="hosts", rich_help_panel=OWNERS)


@default(group)
@command(group, "list")
def list_hosts(session: Session, limit: Limit = LIMIT_DEFAULT) -> None:
    """List hosts, newest first."""
    from broker.protocol.ids import show

    columns: list[Column[Host]] = [
        Column("id", lambda h: show("host", h.id)),
        Column("name", lambda h: h.name),
        Column("owner", lambda h: h.account_name, spare=3),
        Column("pool", lambda h: h.pool, spare=4),
        Column("state", lambda h: h.state),
        Column("gpus", lambda h: in_short(h.facts.gpus), right=True),
        Column("kinds of gpu", lambda h: ", ".join(in_words(h.facts.gpus)), spare=6),
        Column("slots", lambda h: h.facts.slots, right=True),
        Column("leases", lambda h: h.active_leases, right=True, spare=2),
        Column("credit/day", lambda h: h.credit_recent, right=True, spare=5),
        Column("last seen", lambda h: h.last_seen_at, spare=1),
    ]
    with session.client() as client:
        items = client.hosts(limit=limit or None)
        print_list(items, columns, json=session.json, empty="no hosts; see `fairlead hosts enroll`")


@command(group, "show")
def show(session: Session, host: OneHost) -> None:
    """Show one host whole."""
    with session.client() as client:
        show_host(session, client.host(identify(host, "host")[1]))


def show_host(session: Session, host: "Host") -> None:
    """Print one host."""
    from broker.protocol.ids import show

    facts = host.facts
    rows = [
        ("id", show("host", host.id)),
        ("name", host.name),
        ("owner", host.account_name),
        ("pool", host.pool),
        ("state", host.state),
        ("cpus", facts.cpus),
        ("memory", f"{facts.memory_mib} MiB"),
        ("slots", facts.slots),
        *(("gpus", text) for text in in_words(facts.gpus)),
        ("platform", facts.platform),
        ("agent", facts.agent_version),
        ("leases", host.active_leases),
        ("credit", host.credit_total),
        ("credit/day", host.credit_recent),
        ("created", host.created_at),
        ("last seen", host.last_seen_at),
    ]
    print_document(host, rows, json=session.json)


def in_short(gpus: "Sequence[Gpu]") -> str:
    """How many GPUs, and how many parts of each size: "2", "1 + 7 x 1/8"."""
    from broker.protocol.resources import WHOLE

    sizes = Counter(gpu.eighths for gpu in gpus)
    parts = [f"{n} x {size}/{WHOLE}" for size, n in sorted(sizes.items()) if size < WHOLE]
    whole = [str(sizes[WHOLE])] if sizes[WHOLE] or not parts else []
    return " + ".join(whole + parts)


def in_words(gpus: "Sequence[Gpu]") -> list[str]:
    """The kinds of a host's GPUs: "2 x H100 80GB HBM3 (81559 MiB)", "7 x ... (1/8, 9984 MiB)"."""
    from broker.protocol.resources import WHOLE, kinds

    said = []
    for devices in kinds(gpus):
        gpu = devices[0]
        size = "" if gpu.eighths == WHOLE else f"{gpu.eighths}/{WHOLE}, "
        model = gpu.model.removeprefix("NVIDIA ")
        said.append(f"{len(devices)} x {model} ({size}{gpu.memory_mib} MiB)")
    return said


@command(group, "enroll")
def enroll(
    session: Session,
    name: Annotated[str, typer.Option(help="What the token is for.")] = "",
    pool: Annotated[str, typer.Option(help="Pool that the host joins.")] = "default",
    hours: Annotated[float, typer.Option(min=0, help="How long the token works.")] = 24,
) -> None:
    """Make a single-use token with which one host may join; the host will be yours."""
    from datetime import UTC, datetime, timedelta

    from broker.client.submissions import checked
    from broker.protocol.hosts import EnrollmentRequest

    expires_at = datetime.now(UTC) + timedelta(hours=hours)
    request = checked(EnrollmentRequest, {"name": name, "pool": pool, "expires_at": expires_at})
    with session.client() as client:
        enrollment = client.enroll(request)
        if session.json:
            print_line(enrollment.model_dump_json())
            return
        print_line(enrollment.token)
        note(
            f"On the host, with the token in FAIRLEAD_ENROLLMENT_TOKEN: "
            f"fairlead worker --url {session.connection().url}"
        )


@command(group, "drain")
def drain(session: Session, host: OneHost) -> None:
    """Let a host finish what it holds and give it nothing new."""
    _, name = identify(host, "host")
    with session.client() as client:
        client.drain_host(name)
    print_done(f"{name} is draining", json=session.json)


@command(group, "resume")
def resume(session: Session, host: OneHost) -> None:
    """Give a drained host work again; a ban is final."""
    _, name = identify(host, "host")
    with session.client() as client:
        client.resume_host(name)
    print_done(f"{name} takes jobs again", json=session.json)


@command(group, "ban")
def ban(session: Session, host: OneHost) -> None:
    """Take all work from a host and accept nothing more from it."""
    _, name = identify(host, "host")
    with session.client() as client:
        client.ban_host(name)
    print_done(f"{name} is banned", json=session.json)
