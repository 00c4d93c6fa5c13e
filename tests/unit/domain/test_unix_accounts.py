"""As whom a job runs: one execution account for each lab, and never one that nobody set."""

from hypothesis import given
from hypothesis import strategies as st

from broker.domain.unix_accounts import UnixIds, Why, runs_as
from broker.protocol.ids import TeamId

ANN, LAB_A, LAB_B = UnixIds(1_001, 1_001), UnixIds(2_000, 2_000), UnixIds(3_000, 3_000)
A, B = TeamId(5), TeamId(6)
IDS = st.builds(UnixIds, st.integers(1, 4), st.integers(1, 2))
TEAMS = st.dictionaries(st.integers(1, 4).map(TeamId), IDS)


def test_rule_C5_a_lab_has_one_execution_account() -> None:
    assert runs_as(None, {A: LAB_A}) == (LAB_A, Why.TEAM)
    assert runs_as(ANN, {A: LAB_A}) == (ANN, Why.ACCOUNT)
    assert runs_as(None, {}) == (None, Why.NOTHING)


def test_rule_C5_private_data_roots_come_first() -> None:
    assert runs_as(ANN, {A: LAB_A}, roots=[LAB_B, LAB_B]) == (LAB_B, Why.ROOTS)
    assert runs_as(ANN, {A: LAB_A}, roots=[LAB_A, LAB_B]) == (None, Why.MIXED_ROOTS)


def test_of_several_labs_the_projects_counts() -> None:
    both = {A: LAB_A, B: LAB_B}
    assert runs_as(None, both) == (None, Why.SEVERAL_TEAMS)
    assert runs_as(None, both, on_project=[B]) == (LAB_B, Why.TEAM)
    assert runs_as(None, both, on_project=[A, B]) == (None, Why.SEVERAL_TEAMS)
    assert runs_as(None, {A: LAB_A, B: LAB_A}) == (LAB_A, Why.TEAM)


@given(own=st.none() | IDS, teams=TEAMS, on=st.sets(st.integers(1, 5).map(TeamId)))
def test_nobody_runs_as_what_was_not_set_for_them(
    own: UnixIds | None, teams: dict[TeamId, UnixIds], on: set[TeamId]
) -> None:
    ids, why = runs_as(own, teams, on)
    assert ids is None or ids in {own, *teams.values()}
    assert own is None or ids == own
    assert (ids is None) == (why in {Why.NOTHING, Why.SEVERAL_TEAMS})
    assert (why is Why.NOTHING) == (own is None and not teams)


@given(own=st.none() | IDS, teams=TEAMS, roots=st.lists(IDS, min_size=1))
def test_a_job_never_mixes_the_files_of_two_labs(
    own: UnixIds | None, teams: dict[TeamId, UnixIds], roots: list[UnixIds]
) -> None:
    ids, _ = runs_as(own, teams, roots=roots)
    assert ids == (roots[0] if len(set(roots)) == 1 else None)
