"""The page stands alone, is well formed, and shows hostile text as text."""

import re

import pytest

from efnn_cli.report import render_html
from efnn_cli.report.document import Cell, Document, Fact, Paragraph, Picture, Section, Table
from efnn_cli.report.inline import one_line
from tests.report.reading import Reader
from tests.report.sample import HOSTILE


@pytest.fixture(scope="module")
def read(page):
    return Reader(page)


def test_references_lead_somewhere(read):
    ids = read.ids()
    for _, attributes in read.elements:
        for name, value in attributes.items():
            if name == "href" and value.startswith("#"):
                assert value[1:] in ids, value
            for target in re.findall(r"url\(#([^)]*)\)", value or ""):
                assert target in ids, value
    assert read.named("use"), "the figures have marks that are drawn by reference"


def test_nothing_comes_from_elsewhere(page, read):
    (policy,) = [each["content"] for each in read.named("meta") if "http-equiv" in each]
    assert policy.startswith("default-src 'none';")
    for tag, attributes in read.elements:
        assert tag not in ("script", "iframe", "object", "embed", "base", "form", "foreignobject"), tag
        assert not [name for name in attributes if name.startswith("on")], attributes
        assert "src" not in attributes
        if tag in ("use", "image", "link"):
            assert re.match(r"#|data:", attributes["href"]), attributes
        assert not re.search(r"url\((?!#)", attributes.get("style") or "")
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert "url(" not in style
    assert "@import" not in style


def test_hostile_text_is_shown_as_it_is(read):
    rows = [text for kind, text in read.content if kind == "cell"][-3 * len(HOSTILE) :]
    for index, text in enumerate(HOSTILE):
        _, *shown = rows[3 * index : 3 * index + 3]
        assert shown == [one_line(text)] * 2
    assert ("h2", "Hostile names <script>window.hacked = 5</script> | `x`") in read.content
    links = [each["href"] for each in read.named("a")]
    assert {link for link in links if ":" in link} == {
        "https://arxiv.org/abs/2502.17665",
        "https://example.org/y.png",  # a link, which nothing follows by itself
    }


def test_tones_have_signs():
    rows = [["a", Cell("1", "met", True), Cell("2", "missed"), Cell("3", "best"), Cell("-", "muted")]]
    page = render_html(
        Document("t", "", [Fact("goal", "3", "met")], [Section("s", [Table("", list("vwxyz"), rows)])])
    )  # fmt: skip
    assert ("item", "goal: ✓ 3") in Reader(page).content
    assert '<td class="met number"><span class="sign" role="img" aria-label="met">✓</span>&nbsp;1</td>' in page
    assert '<td class="missed"><span class="sign" role="img" aria-label="missed">✗</span>&nbsp;2</td>' in page
    assert '<td class="best">3</td><td class="muted">-</td>' in page
    assert '<th scope="col" class="number">w</th>' in page


def test_a_report_of_nothing_is_a_page():
    read = Reader(render_html(Document("", "")))
    assert not read.named("nav")
    assert not read.named("dl")


def test_a_picture_that_loads_something_is_refused():
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><image href="http://example.org/x.png"/></svg>'
    with pytest.raises(ValueError, match="must not execute or load anything"):
        render_html(Document("t", "", sections=[Section("s", [Paragraph("p"), Picture("a", "", "", svg)])]))
