"""A report in a real browser: on a phone, in the dark, on paper, with hostile names in it."""

import re

import pytest

from efnn_cli.report import render_page
from tests.browser import browser
from tests.report.sample import sample

pytestmark = pytest.mark.slow
TEXTS = "document.querySelectorAll('main *, nav *, header *')"


@pytest.fixture(scope="module")
def page():
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    path = folder / "report.html"
    path.write_text(render_page(sample(folder), folder), encoding="utf-8")
    return path


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_quiet_inert_and_within_the_window(page, report, width, dark):
    page.open(report, width, dark=dark)
    assert page.requests() == [report.as_uri()]
    assert page.complaints() == []
    assert page.evaluate("typeof window.hacked") == "undefined"
    outside = page.evaluate(
        "[...document.querySelectorAll('body *')].filter(each => !each.closest('.table, p:has(> img), pre')"
        " && each.getBoundingClientRect().right > innerWidth + 0.5).map(each => each.outerHTML.slice(0, 80))"
    )
    assert outside == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    wide = page.evaluate("[...document.querySelectorAll('.table')].map(box => box.scrollWidth > box.clientWidth)")
    assert any(wide), "the sample has a table that no window holds"
    sizes = page.evaluate("[...document.images].map(each => [each.naturalWidth, each.width, each.height])")
    assert len(sizes) == 2
    assert all(natural > 0 and width > 300 and height > 200 for natural, width, height in sizes), sizes


def test_colours_can_be_read_in_the_light_and_in_the_dark(page, report):
    """Every text has a contrast of at least 4.5 to 1, as WCAG asks for; figures are inverted in the dark."""
    papers = []
    for dark in (False, True):
        page.open(report, dark=dark)
        colours = page.evaluate(f"[...new Set([...{TEXTS}].map(each => getComputedStyle(each).color))]")
        papers.append(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
        assert len(colours) >= 4
        assert all(contrast(colour, papers[-1]) >= 4.5 for colour in colours), colours
        inverted = page.evaluate("getComputedStyle(document.images[0]).filter")
        assert ("invert" in inverted) == dark
    assert papers[0] != papers[1]


def contrast(one, other):
    """The ratio of WCAG 2 between two colours `rgb(r, g, b)`."""
    low, high = sorted(luminance(colour) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def luminance(colour):
    parts = [int(each) / 255 for each in re.fullmatch(r"rgb\((\d+), (\d+), (\d+)\)", colour).groups()]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_on_paper(page, report):
    """Light and without navigation; as PDF several pages of A4."""
    page.open(report, 720, dark=True, media="print")
    assert page.evaluate("document.querySelector('nav').checkVisibility()") is False
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    page.open(report)
    printed = page.pdf()
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) > 1
    boxes = {tuple(map(float, box.split())) for box in re.findall(rb"/MediaBox \[([^\]]*)\]", printed)}
    assert [tuple(map(round, box)) for box in boxes] == [(0, 0, 595, 842)], "A4"


@pytest.mark.parametrize(
    ("attempt", "directive"),
    [
        ("new Image().src = ADDRESS", "img-src"),
        ("fetch(ADDRESS).catch(() => 0)", "connect-src"),
        ("document.head.append(Object.assign(document.createElement('script'), {text: '1'}))", "script-src-elem"),
    ],
)
def test_the_policy_forbids_what_would_be_asked_for(page, report, attempt, directive):
    page.open(report)
    refused = page.evaluate(
        "new Promise(done => { addEventListener('securitypolicyviolation', event => done(event.effectiveDirective));"
        f" const ADDRESS = 'http://127.0.0.1:9/x'; {attempt}; }})"
    )
    assert refused == directive


def test_the_browser_sees_what_a_page_does(page, tmp_path):
    """Without this control, a page that asks and complains could pass as quiet."""
    path = tmp_path / "loud.html"
    path.write_text("<img src='missing.png'><script>console.error('x'); window.hacked = 1; throw Error('y')</script>")
    page.open(path)
    assert page.requests() == [path.as_uri(), (tmp_path / "missing.png").as_uri()]
    assert len(page.complaints()) >= 2
    assert page.evaluate("window.hacked") == 1
