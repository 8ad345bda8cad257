"""Reports: a Jinja2 template gives Markdown, and the Markdown gives a web page that stands alone.

markdown.py   fill a template; tables, and text that is shown as it is
page.py       the page of a Markdown text, its figures inside it

The templates are `paper.md`, `study.md` and `scan.md` (`efnn reproduce`), `comparison.md` (`efnn compare`) and
`page.html`, whose style sheet is `style.css`.
"""

from __future__ import annotations

from efnn_cli.report.markdown import Figure, Table, code, plain, render_markdown
from efnn_cli.report.page import render_page

__all__ = ["Figure", "Table", "code", "plain", "render_markdown", "render_page"]
