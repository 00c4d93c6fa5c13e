"""Paths to data: `root:relative/path`, and where a root lies on the hosts. Pure text, no disk.

    place     = root ":" path
    root      = a handle or id of a data root
    path      = component *( "/" component )
    component = 1 to 255 bytes of UTF-8 without "/", backslash and control characters; neither
                "." nor ".."

A path is taken as it stands: nothing is unescaped, so `%2e%2e` is the name of a file, as is a word
that only looks like another one. What is refused could mean something else to some host, or leave
the root. Links below a root are the agent's business, which resolves a path where the disk is.
"""

import unicodedata
from typing import Final, NamedTuple

from broker.protocol.limits import PATH_CHARACTERS_MAX, PATH_LEVELS_MAX

COMPONENT_BYTES_MAX: Final = 255  # of Linux file systems
# Control and format characters, surrogates, line and paragraph separators: what hides in a log.
UNPRINTABLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class Place(NamedTuple):
    """A place below a data root.

    Args:
        root: as the client named it.
        path: relative, of one component at least.
    """

    root: str
    path: str


class PathInvalid(ValueError):
    """A path that is refused; the message says why."""


def parse(text: str) -> Place:
    """`root:relative/path`.

    Raises:
        PathInvalid
    """
    root, colon, path = text.partition(":")
    if not colon or not root:
        raise PathInvalid("expected root:relative/path")
    return Place(root, relative(path))


def relative(path: str) -> str:
    """A path below a root, as it stands.

    Raises:
        PathInvalid: it is none, or could leave the root.
    """
    if path.startswith("/"):
        raise PathInvalid("the path must be relative to the data root")
    _check(path.split("/"), path)
    return path


def host_path(path: str) -> str:
    """Where a data root lies on the hosts: absolute, without `//`, `/./` and a slash at the end.

    Raises:
        PathInvalid: it is relative, the top of the file system, or not a plain path.
    """
    if not path.startswith("/"):
        raise PathInvalid("the path must be absolute")
    components = [part for part in path.split("/") if part not in ("", ".")]
    if not components:
        raise PathInvalid("the top of the file system is no data root")
    _check(components, path)
    return "/" + "/".join(components)


def overlap(one: str, other: str) -> bool:
    """Whether one host path is the other or lies below it."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def _check(components: list[str], path: str) -> None:
    plain = path.isascii() and path.isprintable()  # nearly all are, and a batch has a million
    if len(path) > PATH_CHARACTERS_MAX:
        raise PathInvalid(f"the path has more than {PATH_CHARACTERS_MAX} characters")
    if len(components) > PATH_LEVELS_MAX:
        raise PathInvalid(f"the path has more than {PATH_LEVELS_MAX} levels")
    for component in components:
        _check_component(component, plain=plain)


def _check_component(name: str, *, plain: bool) -> None:
    if not name:
        raise PathInvalid("the path has an empty component")
    if name in (".", ".."):
        raise PathInvalid(f"{name!r} is not allowed in a path")
    if "\\" in name:
        raise PathInvalid("a backslash is not allowed in a path")
    if not plain and any(unicodedata.category(character) in UNPRINTABLE for character in name):
        raise PathInvalid("control characters are not allowed in a path")
    if len(name.encode()) > COMPONENT_BYTES_MAX:
        raise PathInvalid(f"a component has more than {COMPONENT_BYTES_MAX} bytes")
