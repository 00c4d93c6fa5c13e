"""The command `fairlead`: every group of commands in one application."""

from typing import Annotated

import typer

from broker.cli import (
    accounts,
    app_edits,
    apps,
    audit,
    batches,
    bindings,
    data_roots,
    donations,
    groups,
    hosts,
    images,
    jobs,
    login,
    nodes,
    openings,
    pools,
    preemption,
    privileges,
    projects,
    quota_preview,
    quotas,
    servers,
    shares,
    sharing,
    simulate,
    submit,
    tables,
    teams,
    tokens,
    unix_accounts,
)

app = typer.Typer(
    name="fairlead",
    help="Fairlead shares a fleet of GPU hosts fairly among scientists.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # errors are one line; see broker.cli.session
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"fairlead {version('fairlead')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Fairlead shares a fleet of GPU hosts fairly among scientists."""


for _noun in (
    submit,
    batches,
    jobs,
    shares,
    donations,
    simulate,
    hosts,
    pools,
    preemption,
    projects,
    nodes,
    sharing,
    tables,
    apps,
    app_edits,
    accounts,
    tokens,
    privileges,
    quotas,
    quota_preview,
    groups,
    teams,
    unix_accounts,
    audit,
    openings,
    data_roots,
    bindings,
    images,
    servers,
    login,
):
    _noun.add_to(app)


def main() -> None:
    """The entry point."""
    app()
