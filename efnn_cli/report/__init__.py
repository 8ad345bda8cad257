"""Reports: one document object, written as a self-contained HTML page and as Markdown.

`document` says what a report is made of; `render_html` and `render_markdown` give the same content in the same order.
"""

from __future__ import annotations

from efnn_cli.report.html import render_html
from efnn_cli.report.markdown import render_markdown

__all__ = ["render_html", "render_markdown"]
