"""The web page of a Markdown text: no script, nothing loaded, readable on a phone, in the dark and on paper."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from efnn_cli.report.markdown import TEMPLATES


def render_page(text: str, folder: Path) -> str:
    """Return the page of the Markdown `text`, with the SVG files of `folder` that it names inside it.

    HTML within the text is shown as text.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    title = next(token.content for token in tokens if token.type == "inline")
    sections = name_sections(tokens)
    embed_figures(tokens, folder)
    body = parser.renderer.render(tokens, parser.options, {})
    body = body.replace("<table>", '<div class="table"><table>').replace("</table>", "</table></div>")
    for sign, name in (("✓", "met"), ("✗", "missed")):
        body = body.replace(f"<td>{sign}", f'<td class="{name}">{sign}')
    opening, mark, rest = body.partition("<h2")
    parts = {"opening": Markup(opening), "text": Markup(mark + rest)}
    return TEMPLATES.get_template("page.html").render(title=title, sections=sections, **parts)


def name_sections(tokens: Sequence[Token]) -> dict[str, str]:
    """Give every heading of level two an id, as GitHub does; return the titles by id."""
    found = {}
    for heading, inline in pairwise(tokens):
        if heading.type == "heading_open" and heading.tag == "h2":
            name = re.sub(r"[^\w\- ]", "", inline.content.lower()).replace(" ", "-")
            heading.attrSet("id", name)
            found[name] = inline.content
    return found


def embed_figures(tokens: Sequence[Token], folder: Path) -> None:
    """Put the SVG files that images name into the images themselves, as data URIs."""
    for image in (child for token in tokens for child in token.children or () if child.type == "image"):
        path = folder / str(image.attrGet("src"))
        if path.suffix == ".svg" and path.exists():
            image.attrSet("src", f"data:image/svg+xml;base64,{base64.b64encode(path.read_bytes()).decode()}")
