"""Markdown from a template and plain values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from efnn_cli.core.table import is_numeric

TEMPLATES = Environment(
    loader=PackageLoader("efnn_cli.report", ""),
    autoescape=select_autoescape(("html",)),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
MARKUP = re.compile(r"[\\`*_\[\]<>~&#!$]")


@dataclass(frozen=True)
class Table:
    """A table whose cells are Markdown; columns of numbers are aligned to the right."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    @property
    def markdown(self) -> str:
        """The table in columns of equal width. Raises ValueError for a row that is not as long as the head."""
        lines = [[cell.replace("|", r"\|") for cell in line] for line in (self.head, *self.rows)]
        aligned = []
        for index, (head, *cells) in enumerate(zip(*lines, strict=True)):
            width = max(3, *map(len, (head, *cells)))
            if index and is_numeric(cell.strip("*") for cell in cells):
                aligned.append([head.rjust(width), "-" * (width - 1) + ":", *(cell.rjust(width) for cell in cells)])
            else:
                aligned.append([head.ljust(width), "-" * width, *(cell.ljust(width) for cell in cells)])
        return "\n".join(f"| {' | '.join(line)} |" for line in zip(*aligned, strict=True))


@dataclass(frozen=True)
class Figure:
    """A figure in a file beside the report."""

    file: str
    caption: str
    alt: str
    """Its content in words, for readers who cannot see it."""


def plain(text: str) -> str:
    """Return Markdown that shows `text` as it is, in one line."""
    return MARKUP.sub(r"\\\g<0>", " ".join(text.split()))


def code(text: str) -> str:
    """Return Markdown that shows `text` as code, in one line."""
    text = " ".join(text.split())
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence} {text} {fence}" if "`" in text else f"{fence}{text}{fence}"


def render_markdown(template: str, **values: Any) -> str:
    """Return the template of this name, filled with `values`.

    A template numbers figures and tables with `next_figure()` and `next_table()`. The filters `plain` and `code` show
    names and messages as they are; all other values are Markdown.
    """
    numbers = {f"next_{kind}": partial(next, count(1)) for kind in ("figure", "table")}
    text = TEMPLATES.get_template(template).render(numbers | {"plain": plain, "code": code} | values)
    text = text.encode(errors="replace").decode()  # file names may hold bytes that are no text
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
