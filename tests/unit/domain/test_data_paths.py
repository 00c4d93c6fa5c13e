"""Paths to data: what is a name, what is refused, and that nothing leaves the root."""

import posixpath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from broker.domain import data_paths
from broker.domain.data_paths import PathInvalid

NAMES = [
    "movies/a.mrc",
    "%2e%2e",
    "%2e%2e%2fetc",
    "a/%00",
    "...",
    "a./b",
    "a../..b",
    "trailing.",
    " ",
    "a b",
    ".hidden",
    "\uff0e\uff0e",  # full-width dots
    "\u2025",  # a two-dot leader
    "a\u2215b",  # a division slash
    "~",
    "-rf",
    "C:",
    "x" * 255,
    "\u00e9" * 127,
]
HOSTILE = [
    "",
    ".",
    "..",
    "../x",
    "a/..",
    "a/../b",
    "./a",
    "a/.",
    "a/./b",
    "a//b",
    "a/",
    "/",
    "/etc/passwd",
    "//etc",
    "..\\x",
    "a\\b",
    "a\0",
    "\0",
    "a\nb",
    "a\tb",
    "a\x7f",
    "a\x85b",
    "a\u2028b",
    "\u202egnp.exe",
    "a\u200bb",
    "\ufeffa",
    "\ud800",
    "x" * 256,
    "\u00e9" * 128,
    "a/" * 64 + "a",
    "abc/" * 300 + "a",
]


@pytest.mark.parametrize("path", NAMES)
def test_a_name_is_taken_as_it_stands(path: str) -> None:
    assert data_paths.relative(path) == path
    assert data_paths.parse(f"lab1:{path}") == ("lab1", path)


@pytest.mark.parametrize("path", HOSTILE)
def test_a_hostile_path_is_refused(path: str) -> None:
    with pytest.raises(PathInvalid):
        data_paths.relative(path)
    with pytest.raises(PathInvalid):
        data_paths.parse(f"lab1:{path}")


@pytest.mark.parametrize("text", ["", ":", ":a", "lab1", "lab1/a", "lab1:"])
def test_what_names_no_root_or_no_path_is_refused(text: str) -> None:
    with pytest.raises(PathInvalid):
        data_paths.parse(text)


PARTS = st.one_of(
    st.sampled_from(["..", ".", "", "%2e%2e", "\0", "\\", "a", "\uff0e", "...", " ", "\u202e"]),
    st.text(max_size=8),
)


@given(st.lists(PARTS, max_size=8).map("/".join))
@example("../" * 8)
def test_what_is_accepted_stays_below_the_root_on_every_reading(path: str) -> None:
    try:
        accepted = data_paths.relative(path)
    except PathInvalid:
        return
    assert accepted == path
    assert posixpath.normpath(path) == path
    assert not posixpath.isabs(path)
    assert ".." not in path.split("/")
    assert not set(path) & {"\0", "\\", "\n", "\r"}
    joined = posixpath.normpath(posixpath.join("/data/lab1", path))
    assert joined == f"/data/lab1/{path}"


@given(st.lists(PARTS, max_size=8).map("/".join))
def test_a_host_path_is_normal_or_refused(path: str) -> None:
    try:
        found = data_paths.host_path("/" + path)
    except PathInvalid:
        return
    assert found.startswith("/")
    assert found != "/"
    assert posixpath.normpath(found) == found
    assert data_paths.host_path(found) == found
    assert found == posixpath.normpath("/" + path.lstrip("/"))


def test_paths_overlap_at_whole_components() -> None:
    assert data_paths.overlap("/data", "/data")
    assert data_paths.overlap("/data", "/data/one")
    assert data_paths.overlap("/data/one", "/data")
    assert not data_paths.overlap("/data/one", "/data/ones")
