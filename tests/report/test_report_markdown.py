"""The Markdown says what the page says, in the same order, as an independent parser reads it."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from efnn_cli.report import render_html, render_markdown
from efnn_cli.report.document import (
    Bullets,
    Cell,
    Code,
    Details,
    Document,
    Paragraph,
    Section,
    Table,
)
from efnn_cli.report.inline import code, literal
from tests.report.reading import Reader
from tests.report.sample import HOSTILE


def rendered(markdown):
    """Markdown with tables and struck text, as HTML."""
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown)


def test_same_content_in_the_same_order(page, markdown):
    assert Reader(rendered(markdown)).content == Reader(page).content


def test_nothing_but_what_was_meant_is_markup(markdown):
    names = {tag for tag, _ in Reader(rendered(markdown)).elements}
    wanted = {"h1", "h2", "h3", "p", "ul", "li", "strong", "code", "pre", "a", "img"}
    assert names == wanted | {"table", "thead", "tbody", "tr", "th", "td"}


def test_pictures_are_files_beside_it(document, markdown):
    sources = [each["src"] for each in Reader(rendered(markdown)).named("img")]
    assert sources == [f"{each.stem}.svg" for each in document.pictures()]
    assert sources == ["inks.svg", "parity.svg", "size.svg"]


STARTS = ("- a", "+ a", "1. a", "2) a", "# a", "> a", "---", "--", "a  ", "=", "~~~", "!", "\\", "a` b`")


@pytest.mark.parametrize("text", [*HOSTILE, *STARTS])
def test_hostile_text_in_any_place(text):
    check_everywhere(text)


@settings(max_examples=60, deadline=None)
@given(st.text("ab1 -+*_`~[]()<>!#&;|\\$=.:/\n\t\"'^{}", max_size=12))
def test_any_marks_in_any_place(text):
    check_everywhere(text)


def check_everywhere(text):
    """Also beside code and links, where the end of a text could change what follows."""
    blocks = [
        Paragraph(literal(text)),
        Paragraph(literal(text) + code(text)),
        Paragraph(f"{literal(text)}[x](y.md)"),
        Bullets([literal(text), code(text)]),
        Table(literal(text), [text, "b"], [[Cell(literal(text), "best"), code(text)], [code(text), literal(text)]]),
        Code(text),
        Details(text, [Paragraph(text)]),
    ]
    document = Document(text, text, sections=[Section(text, blocks)])
    page, markdown = Reader(render_html(document)), Reader(rendered(render_markdown(document)))
    assert markdown.content == page.content
    assert not markdown.named("img")
    assert len(markdown.named("a")) == len([each for each in page.named("a") if "rel" in each])


def test_readable_as_plain_text():
    rows = [["a_b", Cell("1.5", "met", True), "< 3"], ["长", Cell("-12", numeric=True), "x -> y & z > 1"]]
    section = Section("s", [Table("of `two`", ["name", "value", "c"], rows, note="n")])
    assert render_markdown(Document("t", "", sections=[section])) == (
        "# t\n\n## s\n\n**Table 1.** of `two`\n\n"
        "| name | value | c              |\n"
        "| ---- | ----: | -------------- |\n"
        "| a_b  | ✓ 1.5 | < 3            |\n"
        "| 长   |   -12 | x -> y & z > 1 |\n\nn\n"
    )


def test_every_row_of_a_table_is_one_line(markdown):
    for table in re.findall(r"(?:^\|.*\n)+", markdown, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1
