"""Reports: Markdown that reads well, a page that stands alone, and hostile names shown as text in both."""

import base64
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from efnn_cli.report import Figure, Table, code, plain, render_markdown, render_page

HOSTILE = (
    "<script>window.hacked = 1</script>",
    '"><img src=x onerror="window.hacked = 2">',
    "[click](javascript:window.hacked=4) [more](//example.org/x) `code",
    "a | b || c\nsecond line\r\n\r\n# heading\n- item",
    "**bold** _emphasis_ ~~struck~~ &lt;b&gt; &#60;i> $x$ ![image](https://example.org/y.png) <!-- gone",
    "`` two ` one ``` three",
    "back\\slash \\| bar \\` tick trailing\\",
)


def body_of(page):
    """The body as XML: it raises for a tag that is not closed in order."""
    return ElementTree.fromstring(f"<body>{page.partition('<body>')[2].partition('</body>')[0]}</body>")


def texts(element, tag):
    return [" ".join("".join(each.itertext()).split()) for each in element.iter(tag)]


def experiment(title, text, dataset, sweep_blocks, blocks):
    sweep = {"title": plain(text), "text": text, "commands": ["efnn train -m width=3"], "blocks": sweep_blocks}
    facts = {"lead": "Six spins.", "samples": 1000, "L": 15, "sampling": "uniform", "split": [720, 80, 200]}
    return {"title": title, "dataset": dataset, "sweeps": [sweep], "blocks": blocks, **facts}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("report")
    (path / "size.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    return path


@pytest.fixture(scope="module")
def markdown():
    hostile = [[plain(text), code(text)] for text in HOSTILE]
    size = Figure("size.svg", "Relative error against L.", 'A falling line. "><b>')
    return render_markdown(
        "paper.md",
        scale="smoke",
        facts={"runs": "90", "name": plain(HOSTILE[1])},
        published=Table("Published figures and ours", ["", "ours"], [["`x`, D = 3", "✗ missed"]], "Mean ± spread."),
        experiments=[
            experiment("Three spins", "One recipe.", "a.h5", [size], []),
            experiment("Hostile names", HOSTILE[0], HOSTILE[5], [], [Table("Cells", ["text", "code"], hostile)]),
        ],
        notes=[HOSTILE[1]],
        deviations=["The training set is 72 % of the data."],
        failures=Table("Runs without a result", ["settings"], []),
        command="efnn reproduce scale=smoke",
        machine=Table("Versions and machine", ["", ""], [["efnn", "0.1.0"]]),
        datasets=Table("Datasets", ["file", "SHA-256"], [["a", "b"]]),
    )


@pytest.fixture(scope="module")
def page(folder, markdown):
    return render_page(markdown, folder)


def test_contents_numbers_and_figures(markdown, page, folder):
    body = body_of(page)
    links = [each.get("href") for each in body.find("nav").iter("a")]
    assert links == [f"#{each.get('id')}" for each in body.iter("h2")]
    assert texts(body.find("nav"), "a") == texts(body, "h2")
    assert links[:2] == ["#published-figures-and-ours", "#three-spins"]
    assert re.findall(r"\*\*(Table|Figure) (\d+)\.\*\*", markdown) == [
        ("Table", "1"), ("Figure", "1"), ("Table", "2"), ("Table", "3"), ("Table", "4"),
    ]  # fmt: skip
    assert re.findall(r"^!\[.*\]\((.*)\)$", markdown, re.MULTILINE) == ["size.svg"]
    (source,) = [each.get("src").removeprefix("data:image/svg+xml;base64,") for each in body.iter("img")]
    assert base64.b64decode(source) == (folder / "size.svg").read_bytes()
    assert "No run of this sweep has a result." in markdown
    assert "Failed runs" not in markdown


def test_nothing_comes_from_elsewhere(page):
    assert "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:;" in page
    for element in body_of(page).iter():
        assert element.tag not in ("script", "iframe", "object", "embed", "base", "form", "svg"), element.tag
        assert not [name for name in element.attrib if name.startswith("on")], element.attrib
        assert element.get("src", "data:").startswith("data:")
        assert re.match("#|https://(arxiv|example)", element.get("href", "#")), "nothing follows a link by itself"
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert not re.search(r"url\(|@import", style)


def test_hostile_names_are_shown_as_they_are(page):
    body = body_of(page)
    shown = [" ".join(text.split()) for text in HOSTILE]
    assert [texts(body, "td").count(text) for text in shown] == [2] * len(shown)
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
    rows = [["a_b", "✓ 1.5", "**1.50(2)e-3**"], ["d", "x -> y", ""]]
    assert Table("", ["name", "value", "c"], rows).markdown.splitlines() == [
        "| name | value  |              c |",
        "| ---- | ------ | -------------: |",
        "| a_b  | ✓ 1.5  | **1.50(2)e-3** |",
        "| d    | x -> y |                |",
    ]
    with pytest.raises(ValueError, match="shorter"):
        _ = Table("", ["a", "b"], [["1"]]).markdown
