"""docs/tables.md as a scientist follows it: every marked block, in order, against a broker."""

from pathlib import Path

from tests.docs.following import followed
from tests.docs.pages import ROOT
from tests.support.running import Running


async def test_the_page_about_tables_can_be_followed(broker: Running, tmp_path: Path) -> None:
    stdout = await followed(ROOT / "docs" / "tables.md", broker, tmp_path)
    assert "6 rows" not in stdout
    assert "3 rows, number 4 to 6" in stdout
    assert "2 rows are deleted" in stdout
    kept = (tmp_path / "kept.csv").read_bytes().splitlines()
    assert kept[1:] == [b"cold,0.5,100,true", b"warm,2.25,,true"] * 2
    batch = (await broker.admin.get("/v1/batches")).expect(200)["items"][0]
    assert (batch["jobs"], batch["app_name"]) == (4, "lab/ising")
    jobs = (await broker.admin.get(f"/v1/jobs?batch={batch['id']}")).expect(200)["items"]
    assert [job["name"] for job in jobs] == ["warm", "cold", "warm", "cold"]
    last = (await broker.admin.get(f"/v1/jobs/{jobs[0]['id']}")).expect(200)
    assert last["parameters"] == {"t": 2.25, "steps": 1000}
