"""As which uid and gid a job runs on a host (C5): one execution account for each lab.

A lab is a team, or a single account. Private data roots come first, for their files belong to one
uid and gid (`compound.submit` refuses a submission that mixes several); what no root decides, the
account's own setting does, and then its lab's.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import NamedTuple

from broker.protocol.ids import TeamId


class UnixIds(NamedTuple):
    """A uid and a gid, neither of them root's."""

    uid: int
    gid: int


class Why(StrEnum):
    """What decided as whom a job runs, or why nothing did."""

    ROOTS = "the private data roots that it uses"
    ACCOUNT = "set for the account"
    TEAM = "set for its team"
    MIXED_ROOTS = "its private data roots have several"
    SEVERAL_TEAMS = "its teams have several, and the project does not tell which"
    NOTHING = "nothing is set: the host's default"


class RunsAs(NamedTuple):
    """The answer; None where the host's default counts, or nothing may run."""

    ids: UnixIds | None
    why: Why


def runs_as(
    own: UnixIds | None,
    teams: Mapping[TeamId, UnixIds],
    on_project: Collection[TeamId] = (),
    roots: Collection[UnixIds] = (),
) -> RunsAs:
    """As whom a job of an account runs.

    Args:
        own: set for the account itself.
        teams: set for the teams that the account belongs to.
        on_project: the teams that the access list of the job's project names.
        roots: of the private data roots that the job uses.
    """
    if roots:
        found = set(roots)
        return RunsAs(found.pop(), Why.ROOTS) if len(found) == 1 else RunsAs(None, Why.MIXED_ROOTS)
    if own is not None:
        return RunsAs(own, Why.ACCOUNT)
    candidates = set(teams.values())
    if len(candidates) > 1:
        candidates = {ids for team, ids in teams.items() if team in on_project}
    if len(candidates) == 1:
        return RunsAs(candidates.pop(), Why.TEAM)
    return RunsAs(None, Why.SEVERAL_TEAMS if teams else Why.NOTHING)
