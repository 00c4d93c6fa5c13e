"""docs/data.md as a manager follows it: every marked block, in order, against a broker."""

from pathlib import Path

from tests.docs.following import followed
from tests.docs.pages import ROOT
from tests.support.running import Running


async def test_the_page_about_data_can_be_followed(broker: Running, tmp_path: Path) -> None:
    stdout = await followed(ROOT / "docs" / "data.md", broker, tmp_path)
    (lease,) = await (await broker.agent()).leases()
    places = {use["input"]: (use["root_path"], use["path"], use["uid"]) for use in lease["data"]}
    assert places == {
        None: ("/data/lab1", "results", 5001),
        "movie.mrc": ("/data/lab1", "day1/0001.mrc", 5001),
    }
    assert "pool_" in stdout
    assert "day1/0002.mrc" in stdout
