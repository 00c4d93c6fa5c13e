import stat
from pathlib import Path

import pytest

from broker.cli import credentials
from broker.cli.credentials import Credentials
from broker.cli.session import Session
from broker.errors import InvalidInput, Unauthenticated

HERE = Credentials("https://broker.example", "flt_1")


def test_file_is_readable_by_its_owner_only(home: Path) -> None:
    path = credentials.save(HERE)
    assert path == home / "fairlead" / "credentials.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert credentials.load() == HERE


def test_a_file_that_others_could_read_is_replaced_not_reused() -> None:
    path = credentials.save(HERE)
    path.chmod(0o644)
    credentials.save(Credentials("https://other.example", "flt_2"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["credentials.json"]


def test_nobody_logged_in() -> None:
    assert credentials.load() is None
    with pytest.raises(Unauthenticated, match="fairlead login"):
        Session().connection()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"url": "x"}', "\xff"])
def test_a_damaged_file_says_what_to_do(content: str) -> None:
    path = credentials.save(HERE)
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(InvalidInput, match="fairlead login"):
        credentials.load()


def test_a_relative_xdg_directory_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert credentials.path() == Path.home() / ".config" / "fairlead" / "credentials.json"


def test_options_go_before_the_file() -> None:
    credentials.save(HERE)
    assert Session().connection() == HERE
    assert Session(token="flt_9").connection() == Credentials(HERE.url, "flt_9")
    assert Session(url="https://broker.example/").connection() == HERE
    other = Session(url="http://b", token="t").connection()
    assert other == Credentials("http://b", "t")


def test_the_stored_token_never_goes_to_another_broker() -> None:
    credentials.save(HERE)
    with pytest.raises(Unauthenticated, match="no token for https://evil"):
        Session(url="https://evil.example").connection()
