"""Reports: Markdown that reads well, a page that stands alone, and hostile names shown as text in both."""

import base64
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from efnn_cli.report import Table, code, plain, render_page
from tests.report.sample import FIGURES, HOSTILE, sample


def body_of(page):
    """The body as XML: it raises for a tag that is not closed in order."""
    return ElementTree.fromstring(f"<body>{page.partition('<body>')[2].partition('</body>')[0]}</body>")


def texts(element, tag):
    return [" ".join("".join(each.itertext()).split()) for each in element.iter(tag)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="module")
def markdown(folder):
    return sample(folder)


@pytest.fixture(scope="module")
def page(folder, markdown):
    return render_page(markdown, folder)


def test_every_section_is_in_the_contents(page):
    body = body_of(page)
    links = [each.get("href") for each in body.find("nav").iter("a")]
    assert links == [f"#{each.get('id')}" for each in body.iter("h2")]
    assert texts(body.find("nav"), "a") == texts(body, "h2")
    assert links[:2] == ["#published-figures-and-ours", "#three-spins"]


def test_figures_are_files_beside_the_text_and_data_within_the_page(markdown, page, folder):
    assert re.findall(r"^!\[.*\]\((.*)\)$", markdown, re.MULTILINE) == list(FIGURES)
    sources = [each.get("src").removeprefix("data:image/svg+xml;base64,") for each in body_of(page).iter("img")]
    assert [base64.b64decode(each) for each in sources] == [(folder / name).read_bytes() for name in FIGURES]


def test_figures_and_tables_are_numbered(markdown):
    assert re.findall(r"\*\*Table (\d+)\.\*\*", markdown) == list("12345")
    assert re.findall(r"\*\*Figure (\d+)\.\*\*", markdown) == list("12")


def test_what_is_missing(markdown):
    assert "No run of this sweep has a result." in markdown
    assert "Failed runs" not in markdown


def test_nothing_comes_from_elsewhere(page):
    assert "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:;" in page
    for element in body_of(page).iter():
        assert element.tag not in ("script", "iframe", "object", "embed", "base", "form", "svg"), element.tag
        assert not [name for name in element.attrib if name.startswith("on")], element.attrib
        assert element.get("src", "data:").startswith("data:")
        assert re.match("#|https://(arxiv|example)", element.get("href", "#")), (
            "a link, which nothing follows by itself"
        )
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert "url(" not in style
    assert "@import" not in style


def test_hostile_names_are_shown_as_they_are(page):
    body = body_of(page)
    shown = [" ".join(text.split()) for text in HOSTILE]
    cells = texts(body, "td")
    for text in shown:
        assert cells.count(text) == 2
    assert shown[0] in texts(body, "h3")
    assert shown[0] in texts(body, "p")
    assert shown[1] in texts(body, "strong")
    assert any(shown[5] in text for text in texts(body, "p"))


@given(text=st.text("ab1 -+*_`~[]()<>!#&;|\\$=.:/\n\t\"'^{}", max_size=12).filter(str.strip))
def test_any_marks_are_text(text, tmp_path_factory):
    """Also beside other text, where the end of one could change the meaning of the next."""
    shown = " ".join(text.split())
    words = f"see {plain(text)}[x](y.md) {code(text)} end"
    table = Table("", [plain(text), "n"], [[plain(text), code(text)]]).markdown
    body = body_of(render_page(f"# {plain(text)}.\n\n{words}\n\n{table}\n", tmp_path_factory.getbasetemp()))
    assert texts(body, "h1") == [" ".join(f"{shown}.".split())]
    assert [" ".join(f"see {shown}x {shown} end".split())] == texts(body, "p")[:1]
    assert (texts(body, "th")[0], texts(body, "td")) == (shown, [shown, shown])
    assert [each.get("href") for each in body.iter("a")] == ["y.md"]


def test_a_table_reads_well_as_plain_text():
    rows = [["a_b", "✓ 1.5", "**1.50(2)e-3**"], ["c", "< 3", "-12"], ["d", "x -> y", ""]]
    assert Table("", ["name", "value", "c"], rows).markdown.splitlines() == [
        "| name | value  |              c |",
        "| ---- | ------ | -------------: |",
        "| a_b  | ✓ 1.5  | **1.50(2)e-3** |",
        "| c    | < 3    |            -12 |",
        "| d    | x -> y |                |",
    ]
    with pytest.raises(ValueError, match="shorter"):
        _ = Table("", ["a", "b"], [["1"]]).markdown
