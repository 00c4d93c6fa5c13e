"""What the documents name exists: generated parts, links, paths, commands, settings, specs."""

import importlib.util
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import typer

from broker.cli.app import app
from broker.config import Settings
from broker.domain import versions
from broker.domain.access import ADDS
from broker.protocol.apps import VersionSpec
from tests.docs.pages import ROOT, Block, anchors, blocks, code_spans, links, pages, prose
from workers.settings import WorkerSettings

PAGES = pages()
ROOMS = ("broker", "workers", "tests", "docs", "loadtests", ".ci")
# Variables that no settings class holds; the code that reads each is named in configuration.md.
OTHER_VARIABLES = {
    "FAIRLEAD_DEBUG",
    "FAIRLEAD_TOKEN",
    "FAIRLEAD_URL",
    "FAIRLEAD_TEST_DATABASE_URL",
    "FAIRLEAD_TEST_REDIS_URL",
    # given to jobs
    "FAIRLEAD_JOB_ID",
    "FAIRLEAD_EPOCH",
    "FAIRLEAD_THREADS",
    "FAIRLEAD_CHECKPOINT_DIR",
    "FAIRLEAD_OUTPUT_DIR",
    "FAIRLEAD_RANK",
    "FAIRLEAD_SIZE",
    "FAIRLEAD_PEERS",
}


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def generator() -> ModuleType:
    """docs/generate.py, which is no package."""
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def commands(page: Path) -> Iterator[list[str]]:
    """The words of every `fairlead ...` that a page shows, in shell blocks and in running text."""
    shell = [block.text for block in blocks(page) if block.language in ("sh", "ini")]
    lines = [line for text in shell for line in text.replace("\\\n", " ").splitlines()]
    for text in [*lines, *code_spans(page)]:
        for found in re.finditer(r"(?:^|[\s(/'=])fairlead ([a-z][^)#`']*)", text):
            yield found[1].split()


# -- generated ----------------------------------------------------------------------------------


def test_generated_parts_are_what_the_code_says() -> None:
    stale = [name_of(page) for page in generator().stale_pages()]
    assert stale == [], "run `python docs/generate.py`"


def test_every_generated_part_is_used_once() -> None:
    marks = [mark for page in PAGES for mark in generator().PART.findall(page.read_text())]
    assert sorted(name for _, name, _ in marks) == sorted(generator().PARTS)


def test_every_rule_number_of_the_access_table_is_shown() -> None:
    source = (ROOT / "broker/domain/access/roles.py").read_text()
    rows = source[source.index("ADDS: Final") : source.index("LADDERS: Final")]
    rules = generator().rules_of_roles()
    shown = {rule for found in rules.values() for rule in found}
    assert shown == set(re.findall(r"\b[BCHTY]\d+\b", rows))
    assert set(rules) == {role.name for role in ADDS}


# -- links and paths ----------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_resolves(page: Path) -> None:
    broken = []
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.is_file() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_path_named_exists(page: Path) -> None:
    absent = []
    for span in code_spans(page):
        path = span.rstrip("/")
        named = re.fullmatch(r"[\w./-]+", path) and (
            (path.split("/")[0] in ROOMS and "/" in path) or re.fullmatch(r"\w+\.(sql|toml)", path)
        )
        if named and not (ROOT / path).exists() and not (page.parent / path).exists():
            absent.append(span)
    assert [span for span in absent if span not in ("pi.toml", "ising.toml")] == []


def test_every_page_of_docs_is_in_the_index() -> None:
    folder = ROOT / "docs"
    linked = {(folder / link).resolve() for link in links(folder / "README.md")}
    linked |= {(folder / "adr" / link).resolve() for link in links(folder / "adr" / "README.md")}
    assert {page for page in PAGES if page.is_relative_to(folder)} - linked == {
        folder / "README.md"
    }


def test_architecture_names_every_room() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    rooms = {
        entry.name
        for entry in (ROOT / "broker").iterdir()
        if entry.suffix == ".py" or (entry / "__init__.py").exists()
    } - {"__init__.py", "__main__.py"}
    assert {room for room in rooms if f"`broker/{room}`" not in text} == set()


def test_workers_contract_names_every_room_that_workers_may_not_see() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (contract,) = (c for c in contracts["contracts"] if c["name"].startswith("Workers know"))
    named = set(re.findall(r"broker\.(\w+)", " ".join(contract["layers"])))
    rooms = {path.stem for path in (ROOT / "broker").glob("*.py")} - {"__init__"}
    rooms |= {path.parent.name for path in (ROOT / "broker").glob("*/__init__.py")}
    assert rooms == named


# -- commands and settings ----------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_shown_exists_with_its_options(page: Path) -> None:
    root = typer.main.get_command(app)
    for words in commands(page):
        if words[0] in ("whoami",):  # the guided first change
            continue
        command, rest = root, list(words)
        while rest and rest[0] in (inner := getattr(command, "commands", {})):
            command = inner[rest.pop(0)]
        assert command is not root, f"fairlead {' '.join(words)}"
        known = {option for each in command.params for option in [*each.opts, *each.secondary_opts]}
        options = [word.split("=")[0] for word in rest if re.match(r"--?[a-z]", word)]
        assert set(options) <= known | {"--help", "-h"}, f"fairlead {' '.join(words)}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_make_target_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = " ".join([*code_spans(page), *(b.text for b in blocks(page) if b.language != "py")])
    named = set(re.findall(r"(?:^|\s)make ([a-z]+)", text, re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_variable_named_is_read_by_somebody(page: Path) -> None:
    known = {f"FAIRLEAD_{name}".upper() for name in Settings.model_fields}
    known |= {f"FAIRLEAD_{name}".upper() for name in WorkerSettings.model_fields}
    named = set(re.findall(r"\bFAIRLEAD_[A-Z_]+[A-Z]\b", page.read_text()))
    assert named <= known | OTHER_VARIABLES


def specs() -> list[tuple[Path, Block]]:
    return [(p, b) for p in PAGES for b in blocks(p) if b.language == "toml"]


@pytest.mark.parametrize(("page", "block"), specs(), ids=lambda value: str(value)[-20:])
def test_every_version_file_shown_can_be_published(page: Path, block: Block) -> None:
    versions.check(VersionSpec.model_validate(tomllib.loads(block.text)))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_shell_blocks_can_be_parsed(page: Path) -> None:
    for block in blocks(page):
        if block.language == "sh" and "<<" not in block.text:
            shlex.split(block.text, comments=True)


# -- style --------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_is_no_stub(page: Path) -> None:
    text = prose(page)
    assert text.startswith("# ")
    assert len(text.split()) > 40
    assert not re.search(r"\b(TODO|TBD|FIXME|coming soon|lorem)\b", text, re.IGNORECASE)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_no_page_names_a_place_of_the_machine_on_which_it_was_written(page: Path) -> None:
    assert str(ROOT) not in page.read_text(encoding="utf-8")
    assert not re.search(r"(?<![\w.])/(work|home|root|Users)/", page.read_text(encoding="utf-8"))
