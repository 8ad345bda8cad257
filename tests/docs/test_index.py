"""The index names every page, and every link leads to a file."""

import re

import pytest
from fences import FENCE, ROOT

PAGES = sorted((ROOT / "docs").rglob("*.md"))
GENERATED = {"fair", "results"}  # folders of reports, which are linked as a whole
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")


def links(path):
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    return {(path.parent / target).resolve() for target in LINK.findall(text)}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    for target in links(path):
        assert target.exists(), target


def test_the_index_names_every_page():
    index = ROOT / "docs" / "README.md"
    pages = {path for path in PAGES if path.relative_to(ROOT / "docs").parts[0] not in GENERATED} - {index}
    assert pages <= links(index)
    assert index in links(ROOT / "README.md")
