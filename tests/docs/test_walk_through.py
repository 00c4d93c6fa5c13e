"""The walk-through of docs/permissions.md, as an admin follows it."""

import pytest

from tests.docs.following import newcomer
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "permissions.md"


@pytest.mark.slow
@pytest.mark.timeout(360)
def test_two_labs_a_public_project_an_app_admin_and_a_leaver() -> None:
    with newcomer() as user:
        done = user.follow(PAGE, FAIRLEAD_TOKEN=user.token)
    told = f"{done.stdout[-4000:]}\n{done.stderr[-3000:]}"
    shown_to_bob = done.stdout.split("genomes", 1)[1].split("governed by", 1)[0]
    assert "tomography" not in shown_to_bob, told
    assert "holds nothing here" in done.stdout, told
    assert "quota.set needs one of the roles: manager" in done.stderr, told
    assert "the token was revoked" in done.stderr, told
    assert "intact\tyes" in done.stdout, told
