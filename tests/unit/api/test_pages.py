"""The pages: sound HTML, no script, and hostile text stays text."""

from html.parser import HTMLParser

import pytest

from broker.api.openapi import document
from broker.api.pages import HTTP_CODES, api_page, problem_page
from broker.api.problems import CODE_OF_STATUS
from broker.api.routes import table
from broker.protocol.problems import STATUS

PAGE = api_page(document(table()))
VOID = {"meta", "link", "br"}


class Structure(HTMLParser):
    """Checks nesting and collects what a page links to."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        found = dict(attrs)
        assert not {name for name in found if name.startswith("on") or name == "style"}
        if tag not in VOID:
            self.open.append(tag)
        if identifier := found.get("id"):
            self.ids.append(identifier)
        if link := found.get("href"):
            self.links.append(link)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def structure(text: str) -> Structure:
    parser = Structure()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser


def test_the_page_is_nested_well_and_needs_no_script() -> None:
    assert not structure(PAGE).tags & {"script", "style", "iframe", "img", "form"}


def test_every_link_leads_somewhere() -> None:
    page = structure(PAGE)
    assert len(set(page.ids)) == len(page.ids)
    for link in page.links:
        if link.startswith("#"):
            assert link[1:] in page.ids
        else:
            assert link.startswith("/")


def test_every_route_is_on_the_page() -> None:
    for route in table():
        assert f"<code>{route.path}</code>" in PAGE


@pytest.mark.parametrize(
    "code", [*(cls.code for cls in STATUS), *HTTP_CODES, *CODE_OF_STATUS.values()]
)
def test_every_code_has_a_page(code: str) -> None:
    text = problem_page(code)
    assert text is not None
    structure(text)


def test_an_unknown_code_has_none() -> None:
    assert problem_page("<script>") is None


def test_hostile_text_stays_text() -> None:
    hostile = document(table())
    hostile["info"]["title"] = "<script>alert(1)</script>"
    hostile["info"]["description"] = '"><img src=x onerror=alert(1)> `</code><script>`'
    assert "<script>" not in api_page(hostile)
    assert "<img" not in api_page(hostile)
