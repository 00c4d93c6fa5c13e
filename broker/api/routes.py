"""The map of the API: every route with its handler, its policy and its messages.

Adding a route: a message in `broker.protocol`, a use case in `broker.services`, and a row in ROUTES
of a file in `broker.api.handlers`; a handler of its own only where none of `broker.api.plain` does.
A row without a policy cannot be written, and `build_app` refuses a table in which two rows collide.
"""

from broker.api.handlers import (
    accounts,
    apps,
    audit,
    batches,
    contributions,
    data_roots,
    documents,
    groups,
    hosts,
    images,
    imports,
    jobs,
    leases,
    nodes,
    openings,
    pools,
    project_files,
    projects,
    quotas,
    sharing,
    streams,
    submission,
    system,
    tables,
    teams,
    tokens,
    trash,
    unix_accounts,
    versions,
    who_can,
)
from broker.api.route import Route

MODULES = (
    accounts,
    tokens,
    unix_accounts,
    quotas,
    contributions,
    groups,
    teams,
    projects,
    nodes,
    project_files,
    sharing,
    trash,
    who_can,
    apps,
    versions,
    tables,
    submission,
    batches,
    openings,
    jobs,
    streams,
    hosts,
    pools,
    data_roots,
    imports,
    images,
    leases,
    audit,
    system,
    documents,
)


def table() -> list[Route]:
    """Every route of the broker."""
    return [route for module in MODULES for route in module.ROUTES]
