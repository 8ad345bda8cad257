"""Inline markup, and what a document refuses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from efnn_cli.report.document import Cell, Details, Document, Picture, Section, Table
from efnn_cli.report.inline import Span, code, is_safe, literal, one_line, spans
from tests.report.sample import HOSTILE


def test_markup():
    assert spans("a `b` [c](d.md#e)  f") == [
        Span("text", "a "),
        Span("code", "b"),
        Span("text", " "),
        Span("link", "c", "d.md#e"),
        Span("text", " f"),
    ]
    assert spans(r"\`a\` \[b](c) \\ \d") == [Span("text", r"`a` [b](c) \ \d")]
    assert spans("`` a`b ``") == [Span("code", "a`b")]
    assert spans("one ` only") == [Span("text", "one ` only")]


@pytest.mark.parametrize(
    "url", ["https://example.org/a?b=1&c#d", "http://example.org", "a/b.csv", "#part", "../up", "?q"]
)
def test_links_that_are_made(url):
    assert spans(f"[x]({url})") == [Span("link", "x", url)]


@pytest.mark.parametrize(
    "url",
    [
        "javascript:x", "JaVaScRiPt:x", "data:text/html,x", "//example.org", "\\\\example.org", "file:///x", "http:x",
        "https://", "mailto:a@b.org", "java\x01script:x", "http://[x", "vbscript:x", '"onclick="x', "a<b", "é",
    ],
)  # fmt: skip
def test_links_that_stay_text(url):
    assert not is_safe(url)
    assert {each.kind for each in spans(f"[x]({url})")} == {"text"}


@given(st.text())
def test_what_a_user_names_is_shown_as_it_is(text):
    """Whatever the name, neither markup nor loss; as part of a sentence too."""
    shown = one_line(text)
    assert "".join(each.text for each in spans(literal(text))) == shown
    assert {each.kind for each in spans(literal(text))} <= {"text"}
    assert spans(code(text)) == ([Span("code", shown)] if shown else [])
    sentence = spans(f"run {code(text)} of {literal(text)}.")
    assert "".join(each.text for each in sentence) == one_line(f"run {shown} of {shown}.") or not shown


def test_text_can_always_be_written():
    for text in HOSTILE:
        one_line(text).encode()
    assert one_line("a\r\n b\t\x00\ud800\u202e") == "a b \ufffd\ufffd\ufffd"


def test_anchors_are_unique_and_those_of_github():
    titles = ["A b, c!", "a b c", "A B C", "a-b-c-1", "???", "Größe x_y"]
    document = Document("t", "", sections=[Section(title, []) for title in titles])
    assert document.anchors() == ["a-b-c", "a-b-c-1", "a-b-c-2", "a-b-c-1-1", "section", "größe-x_y"]


def test_columns_of_figures():
    rows = [["a", Cell("1", numeric=True), Cell("2", numeric=True)], ["b", Cell("", "muted"), "n"]]
    assert Table("", ["x", "y", "z"], rows).numeric_columns() == [False, True, False]
    assert Table("", ["x"], []).numeric_columns() == [False]


def test_what_is_refused():
    with pytest.raises(ValueError, match="2 columns, found a row of 1"):
        Table("short", ["a", "b"], [["1"]])
    for stem in ("../x", "a b", ".hidden", "", "a/b", "x)"):
        with pytest.raises(ValueError, match="plain name"):
            Picture(stem, "", "", "")
    twice = [Picture("a", "", "", ""), Details("more", [Picture("a", "", "", "")])]
    with pytest.raises(ValueError, match="found twice: a"):
        Document("t", "", sections=[Section("s", twice)])
