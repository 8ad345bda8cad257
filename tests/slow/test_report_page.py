"""A report in a real browser: on a phone, in the dark, on paper, with hostile names in it."""

import re

import pytest

from efnn_cli.report import render_html
from tests.browser import browser
from tests.report.sample import sample

pytestmark = pytest.mark.slow
WIDTHS = (360, 768, 1280)
COLOURS = """(() => {
  const of = (element, name) => getComputedStyle(element)[name];
  const svg = document.querySelector('figure svg');
  const lines = [...svg.querySelectorAll('path')].map(path => of(path, 'stroke'));
  return {paper: of(document.documentElement, 'backgroundColor'), text: of(document.querySelector('main p'), 'color'),
          ink: of(svg, 'fill'), lines: [...new Set(lines)].sort()};
})()"""


@pytest.fixture(scope="module")
def page():
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    path = folder / "report.html"
    path.write_text(render_html(sample(folder)), encoding="utf-8")
    return path


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
def test_quiet_inert_and_within_the_window(page, report, width, dark):
    page.open(report, width, dark=dark)
    assert page.requests() == [report.as_uri()]
    assert page.complaints() == []
    assert page.evaluate("typeof window.hacked") == "undefined"
    assert page.evaluate("[innerWidth, document.documentElement.scrollWidth <= innerWidth]") == [width, True]
    wide = page.evaluate("[...document.querySelectorAll('.wide')].map(box => box.scrollWidth > box.clientWidth)")
    assert any(wide), "the sample has a table that no window holds"
    boxes = page.evaluate(
        "[...document.querySelectorAll('svg')].map(each => each.getBoundingClientRect())"
        ".map(box => [box.width, box.height])"
    )
    assert len(boxes) == 3
    assert all(w > 200 and h > 100 for w, h in boxes), boxes


def test_everything_readable_is_within_its_box(page, report):
    """Nothing stands out of the window but what a box of its own scrolls."""
    page.open(report, 360)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    outside = page.evaluate(
        "[...document.querySelectorAll('main *')].filter(each => !each.closest('.wide, .drawn, pre')"
        " && each.getBoundingClientRect().right > innerWidth + 0.5).map(each => each.outerHTML.slice(0, 80))"
    )
    assert outside == []


def test_contents_beside_the_text_or_in_a_list(page, report):
    shown = "['.side', '.contents'].map(name => document.querySelector(name).checkVisibility())"
    for width, wanted in ((360, [False, True]), (1280, [True, False])):
        page.open(report, width)
        assert page.evaluate(shown) == wanted
    page.evaluate("scrollTo(0, 2000)")
    assert page.evaluate("document.querySelector('.side').getBoundingClientRect().top") == 0
    targets = page.evaluate(
        "[...document.querySelectorAll('.side a')].map(each => decodeURIComponent(each.hash.slice(1)))"
        ".map(name => document.getElementById(name).tagName)"
    )
    assert targets == ["SECTION"] * 5


def test_the_dark_changes_paper_and_ink(page, report):
    page.open(report)
    light = page.evaluate(COLOURS)
    page.open(report, dark=True)
    dark = page.evaluate(COLOURS)
    for name in ("paper", "text", "ink", "lines"):
        assert light[name] != dark[name], name
    data = "rgb(0, 114, 178)"
    assert data in light["lines"]
    assert data in dark["lines"]
    for found in (light, dark):
        assert contrast(found["text"], found["paper"]) > 10
        assert contrast(found["ink"], found["paper"]) > 10


def test_colours_of_the_page_can_be_read(page, report):
    """Of every text, at least 4.5 to 1 against the paper, as WCAG wants."""
    for dark in (False, True):
        page.open(report, dark=dark)
        colours = page.evaluate(
            "[...new Set([...document.querySelectorAll('main *, nav *')].filter(each => !each.closest('svg'))"
            ".map(each => getComputedStyle(each).color))]"
        )
        paper = page.evaluate(COLOURS)["paper"]
        assert len(colours) >= 4
        assert all(contrast(colour, paper) >= 4.5 for colour in colours), colours


def contrast(one, other):
    """The ratio of WCAG 2 between two colours `rgb(r, g, b)`."""
    low, high = sorted(luminance(colour) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def luminance(colour):
    parts = [int(each) / 255 for each in re.fullmatch(r"rgb\((\d+), (\d+), (\d+)\)", colour).groups()]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_on_paper(page, report, tmp_path):
    """Light, without navigation, what is folded open; as PDF, several pages."""
    visible = (
        "['.side', '.contents', '.skip', '.more > div'].map(name => document.querySelector(name).checkVisibility())"
    )
    page.open(report, dark=True)
    assert page.evaluate(visible) == [True, False, True, False]
    page.open(report, 720, dark=True, media="print")
    assert page.evaluate(visible) == [False, False, False, True]
    assert page.evaluate(COLOURS)["paper"] == "rgb(255, 255, 255)"
    page.open(report)
    page.pdf(tmp_path / "report.pdf")
    printed = (tmp_path / "report.pdf").read_bytes()
    assert printed.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) > 1
    boxes = {tuple(map(float, box.split())) for box in re.findall(rb"/MediaBox \[([^\]]*)\]", printed)}
    assert [tuple(map(round, box)) for box in boxes] == [(0, 0, 595, 842)], "A4"


@pytest.mark.parametrize(
    ("attempt", "directive"),
    [
        ("new Image().src = ADDRESS", "img-src"),
        ("fetch(ADDRESS).catch(() => 0)", "connect-src"),
        ("document.head.append(Object.assign(document.createElement('script'), {src: ADDRESS}))", "script-src-elem"),
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
    page.screenshot(tmp_path / "loud.png")
    assert (tmp_path / "loud.png").read_bytes().startswith(b"\x89PNG")
