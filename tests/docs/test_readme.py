"""The README as a new user follows it: every marked block, in order, against `fairlead up`."""

import pytest

from tests.docs.following import newcomer
from tests.docs.pages import ROOT, blocks

README = ROOT / "README.md"


@pytest.mark.slow
@pytest.mark.timeout(360)
def test_readme_can_be_followed_from_top_to_bottom() -> None:
    with newcomer() as user:
        done = user.follow(README)
    told = f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert done.stdout.count('{"pi": 3.1') == 8, told
    assert "seed 1 says 3.1" in done.stdout, told
    assert "8 jobs wrote files" in done.stdout, told


def test_readme_shows_an_app_a_session_and_both_faces_of_the_sdk() -> None:
    marked = [(block.mark, block.language) for block in blocks(README) if block.mark]
    assert marked.count(("file", "toml")) == 1
    assert marked.count(("run", "sh")) >= 5
    assert marked.count(("run", "python")) == 2
