"""Sharing: who holds what on a node, who may do what to it, and why."""

from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.exits import Exit
from broker.cli.options import LIMIT_DEFAULT, SHARING, Limit, OfNode
from broker.cli.render import Column, print_document, print_done, print_list
from broker.cli.session import Session, command

if TYPE_CHECKING:
    from broker.protocol.sharing import AccessEntry, AccessList
    from broker.protocol.who_can import Grant, Holder

WHO = "Account, team:NAME, registered or everyone."
OfPrincipal = Annotated[str, typer.Argument(metavar="WHO", help=WHO)]
OfAction = Annotated[
    str, typer.Argument(metavar="ACTION", help="What is done, e.g. file.download; see the docs.")
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for each in (share, unshare, override, restore, who_can, explain_access):
        command(app, each.__name__.replace("_", "-"), rich_help_panel=SHARING)(each)


def share(
    session: Session,
    node: OfNode,
    who: Annotated[str | None, typer.Argument(metavar="WHO", help=WHO)] = None,
    roles: Annotated[
        list[str] | None,
        typer.Argument(metavar="ROLE...", help="reader, downloader, executor, editor, owner, ..."),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="Show who holds what.")] = False,
) -> None:
    """Give somebody roles on a node, in the place of those that they have; or show its list."""
    from broker.client.submissions import checked
    from broker.protocol.sharing import GrantRequest

    if list_ == bool(who):
        raise typer.BadParameter("give WHO and ROLE, or --list")
    with session.client() as client:
        if who is None:
            _print(session, client.access_list(node))
            return
        if not roles:
            raise typer.BadParameter("give at least one role; to take all away use unshare")
        request = checked(GrantRequest, {"roles": roles})
        client.share_node(node, who, *request.roles)
    print_done(f"{who} holds {', '.join(roles)} on {node}", json=session.json)


def unshare(session: Session, node: OfNode, who: OfPrincipal) -> None:
    """Take all roles of somebody on a node away."""
    with session.client() as client:
        client.unshare_node(node, who)
    print_done(f"{who} holds nothing on {node} by its list", json=session.json)


def override(
    session: Session,
    node: OfNode,
    private: Annotated[bool, typer.Option("--private", help="Without the public.")] = False,
) -> None:
    """Give a folder, file, table, app or batch an access list of its own: a copy to change."""
    with session.client() as client:
        _print(session, client.override_node(node, private=private))


def restore(session: Session, node: OfNode) -> None:
    """Take the access list of its own away from something: it inherits again."""
    with session.client() as client:
        _print(session, client.restore_node(node))


def who_can(session: Session, action: OfAction, node: OfNode, limit: Limit = LIMIT_DEFAULT) -> None:
    """List everybody who may do something to a node, and why."""
    columns: list[Column[Holder]] = [
        Column("who", lambda h: h.name),
        Column("id", lambda h: h.principal, spare=1),
        Column("by", lambda h: "; ".join(_words(g) for g in h.grounds)),
    ]
    with session.client() as client:
        items = client.who_can(action, node, limit=limit or None)
        print_list(items, columns, json=session.json, empty="nobody")


def explain_access(
    session: Session,
    action: OfAction,
    node: OfNode,
    account: Annotated[str | None, typer.Option(help="Another account; needs audit.")] = None,
) -> None:
    """Say why you, or an account, may do something to a node; exit code 3 when it is denied."""
    with session.client() as client:
        said = client.explain_access(action, node, account=account)
    rows = [
        ("action", said.action),
        ("node", said.node),
        ("governed by", said.benefactor_id),
        ("account", said.account),
        ("allowed", said.allowed),
        *(("by", _words(grant)) for grant in said.grounds),
        ("missing", said.missing),
    ]
    print_document(said, rows, json=session.json)
    if not said.allowed:
        raise typer.Exit(Exit.NOT_ALLOWED)


def _words(grant: "Grant") -> str:
    """`writer of team lab on project_7`."""
    kind, _, _ = grant.principal.partition("_")
    who = f"team {grant.principal_name}" if kind == "team" else grant.principal_name
    where = "everywhere" if grant.node is None else f"on {grant.node}"
    return f"{', '.join(grant.roles)} of {who} {where}"


def _print(session: Session, acl: "AccessList") -> None:
    if session.json:
        print_document(acl, [], json=True)
        return
    print_done(f"{acl.node} is governed by the list of {acl.benefactor_id}:", json=False)
    columns: list[Column[AccessEntry]] = [
        Column("who", lambda e: e.name),
        Column("id", lambda e: e.principal),
        Column("roles", lambda e: ", ".join(e.roles)),
    ]
    print_list(acl.entries, columns, json=False, empty="nobody")
