"""Reports: one document object, written as a self-contained HTML page and as Markdown.

document.py  what a report is made of      html.py markdown.py        the same content in the same order
inline.py    words, emphasis and links     inline_svg.py              figures within the page
"""

from __future__ import annotations

from efnn_cli.report.html import render_html
from efnn_cli.report.markdown import render_markdown

__all__ = ["render_html", "render_markdown"]
