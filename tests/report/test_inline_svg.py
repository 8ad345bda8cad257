"""Figures in a page: ids of their own, the inks of the page, nothing that could run or load."""

import re
from xml.etree import ElementTree

import pytest

from efnn_cli.report.inline_svg import inline_svg
from tests.report.sample import INKS, drawn_figures, inks_figure

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 6">'


def figure(inner, head=HEAD):
    return inline_svg(f"{head}{inner}</svg>", "f1.", "label")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """As matplotlib writes them: inks, lines, and pixels in a wide figure."""
    return [inks_figure(), *drawn_figures(tmp_path_factory.mktemp("drawn"))]


def test_figures_can_stand_in_one_page(drawn):
    ids = []
    for number, svg in enumerate(drawn):
        prefix = f"f{number}."
        element = ElementTree.fromstring(inline_svg(svg, prefix, 'a "label" <b>'))
        assert element.tag == "svg"
        assert element.get("role") == "img"
        assert element.get("aria-label") == 'a "label" <b>'
        found = {each.get("id") for each in element.iter()} - {None}
        assert found
        assert all(each.startswith(prefix) for each in found)
        ids += found
        for each in element.iter():
            for value in each.attrib.values():
                for target in re.findall(r"url\(#([^)]+)\)", value):
                    assert target in found
            if (href := each.get("href", "")).startswith("#"):
                assert href[1:] in found
    assert len(ids) == len(set(ids))


def test_size_follows_the_page(drawn):
    text = inline_svg(drawn[0], "f.", "")
    assert re.search(r'<svg viewBox="0 0 360 244\.8" ', text)
    assert "width: 100%; max-width: 30rem;" in text
    assert "pt" not in re.findall(r"<svg [^>]*>", text)[0]
    assert 'viewBox="0 0 96 48"' in inline_svg(
        HEAD.replace('viewBox="0 0 9 6"', 'width="1in" height="36pt"') + "</svg>", "", ""
    )


def test_inks_are_those_of_the_page(drawn):
    text = inline_svg(drawn[0], "f.", "")
    for ink in INKS:
        assert ink in drawn[0]
        assert ink not in text
    for name in ("ink", "faint", "grid"):
        assert f"stroke: var(--{name})" in text
    assert "#0072b2" in text
    for gone in ("metadata", "<style", "DOCTYPE", "<?xml", "#ffffff", "xmlns", "ns0"):
        assert gone in drawn[0] or gone == "ns0"
        assert gone not in text


def test_backgrounds_are_transparent():
    """Those of figure and axes; other white is paper, as the rims of marks."""
    white = '<path style="fill: #ffffff"/>'
    text = figure(
        f'<g id="figure_1"><g id="patch_1">{white}</g><g id="axes_1"><g id="patch_2">{white}</g>'
        f'<g id="legend_1"><g id="patch_3">{white}</g></g></g></g>'
    )
    assert re.findall('fill: [^;"]*', text)[1:] == ["fill: none", "fill: none", "fill: var(--paper)"]


@pytest.mark.parametrize(
    ("paint", "wanted"),
    [
        ("#222222", "var(--ink)"), ("#000000", "var(--ink)"), ("#888888", "var(--faint)"), ("#DDDDDD", "var(--grid)"),
        ("#999999", "color-mix(in srgb, var(--ink) 40%, var(--paper))"), ("#0072b2", "#0072b2"), ("none", "none"),
    ],
)  # fmt: skip
def test_paints(paint, wanted):
    assert f'<path fill="{wanted}" style="stroke: {wanted}; opacity: 0.5"' in figure(
        f'<path fill="{paint}" style="stroke: {paint}; opacity: 0.5"/>'
    )


def test_the_rule_for_everything_is_inherited():
    text = figure('<defs><style type="text/css">*{stroke-linejoin: round; stroke-linecap: butt}</style></defs><g/>')
    assert "fill: var(--ink); stroke-linejoin: round; stroke-linecap: butt" in text
    assert "<style" not in text


def test_references_follow():
    text = figure(
        '<use xlink:href="#a"/><path clip-path="url(#b)" style="fill: url(\'#c\')"/>'
        '<image href="data:image/png;base64,AA=="/>'
    )
    assert '<use href="#f1.a"' in text
    assert 'clip-path="url(#f1.b)" style="fill: url(#f1.c)"' in text
    assert 'href="data:image/png;base64,AA=="' in text


@pytest.mark.parametrize(
    "inner",
    [
        "<script>x</script>", "<foreignObject/>", "<a/>", "<animate/>", "<set/>", "<iframe/>", "<svg/>", "<img/>",
        '<div xmlns="http://www.w3.org/1999/xhtml"/>', '<script xmlns="http://www.w3.org/1999/xhtml"/>',
        '<path onload="x"/>', '<path ONCLICK="x"/>', '<path xmlns:e="e:e" e:onload="x"/>',
        '<use href="http://example.org/x.svg#a"/>', '<use xlink:href="//example.org#a"/>', '<use href="x.svg#a"/>',
        '<use href="data:image/png;base64,AA=="/>', '<image href="data:image/svg+xml;base64,AA=="/>',
        '<image xlink:href="http://example.org/x.png"/>', '<image href="javascript:x"/>',
        '<path style="fill: url(http://example.org/x)"/>', '<path fill="URL(http://example.org/x)"/>',
        '<path style="fill: url( &quot;x.svg#a&quot; )"/>', '<path style="fill: url(#a) url(x)"/>',
        r'<path style="fill: u\72l(x)"/>', '<path style="fill: u/**/rl(x)"/>', '<path style="fill: image-set(x)"/>',
        '<path style="fill: src(#a)"/>', '<path style="behavior: expression(x)"/>',
        "<style>@import 'http://example.org/x.css';</style>", "<style>path { fill: red }</style>",
        "<style>* { fill: url(x) }</style>", "<style>* { a: b } body { display: none }</style>",
        "<?xml-stylesheet href='x.css'?>",
    ],
)  # fmt: skip
def test_what_could_run_or_load_is_refused(inner):
    with pytest.raises(ValueError, match="a figure must not execute or load anything, but this one"):
        figure(inner)


@pytest.mark.parametrize(
    "declarations",
    [
        '<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
        "<!DOCTYPE svg [<!ELEMENT svg ANY>]>",
        '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x.dtd" [<!ENTITY % p SYSTEM "x">]>',
    ],
)
def test_declarations_are_refused(declarations):
    with pytest.raises(ValueError, match="declarations of its own"):
        figure("<text>&amp;</text>", declarations + HEAD)


@pytest.mark.parametrize(
    ("svg", "named"),
    [
        ("", "not XML"), ("<svg>", "not XML"), ("no", "not XML"), ("\ud800", "not XML"),
        ("<html/>", "root element html"),
        ('<svg xmlns="http://www.w3.org/2000/svg"/>', "a width and a height"),
        ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 0 5"/>', "a width and a height"),
    ],
)  # fmt: skip
def test_what_is_no_figure(svg, named):
    with pytest.raises(ValueError, match=named):
        inline_svg(svg, "f1.", "")


def test_labels_stay_text():
    text = figure("<title>&lt;img onerror='x'&gt;</title><text x='1'>a &amp; &lt;b&gt;</text>")
    assert "&lt;img" in text
    assert ">a &amp; &lt;b&gt;</text>" in text
