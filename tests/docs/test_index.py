"""Check that the index names every page, and that links, files and tests named by a page exist."""

import re

import pytest
from fences import FENCE, ROOT, blocks

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
GENERATED = {("fair",), ("results",)}  # folders of reports, which are linked as a whole
NAMED = re.compile(r"`((?:efnn_cli|tests|conf|docs)/[a-z_0-9/.-]+)(?:::(\w+))?`")
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")


def links(path):
    """Pairs of a file and a heading in it, which may be empty."""
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    return {((path.parent / target).resolve() if target else path, heading) for target, heading in LINK.findall(text)}


def headings(path):
    """Headings as GitHub names them in links."""
    titles = re.findall(r"^#+ (.*)$", FENCE.sub("", path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    for target, heading in links(path):
        assert target.exists(), target
        assert not heading or heading in headings(target), (target, heading)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_tests_that_a_page_names_exist(path):
    new = {block.words.get("file") for block in blocks(path)}
    for name, test in set(NAMED.findall(FENCE.sub("", path.read_text(encoding="utf-8")))):
        assert name in new or (ROOT / name).exists(), name
        assert not test or re.search(rf"^def {test}\(", (ROOT / name).read_text(), re.MULTILINE), test


def test_the_index_names_every_page():
    index = ROOT / "docs" / "README.md"
    pages = {path for path in PAGES if path.relative_to(ROOT).parts[1:2] not in GENERATED} - {index}
    assert pages <= {target for target, _ in links(index)}
    assert index in {target for target, _ in links(ROOT / "README.md")}
