"""A report as GitHub-flavoured Markdown, readable as plain text; pictures are SVG files beside it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from efnn_cli.report.document import (
    SIGNS,
    Block,
    Bullets,
    Cell,
    Code,
    Details,
    Document,
    Numbering,
    Paragraph,
    Picture,
    Table,
    Tone,
)
from efnn_cli.report.inline import Span, clean, code, one_line, spans

# Backslashes before punctuation, marks of emphasis and links; underscores within words mean nothing
_MARK = re.compile(r"\\(?=[!-/:-@\[-`{-~]|$)|[`*\[\]$|~]|(?<![^\W_])_|_(?![^\W_])|(?<!\S)#|!$")
# What may begin a tag or an entity, and what ends one; `< 3`, `> 3` and `->` stay readable
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
_ANGLE = re.compile(r"<(?=[A-Za-z/!?])|(?<![\s=-])>|&(?=[A-Za-z#])")
# What would begin a list or draw a line, at the start of a paragraph
_START = re.compile(r"^(?:(\d+)(?=[.)](?:\s|$))|(?=[-+](?:\s|$)|-[\s-]*$))")


def render_markdown(document: Document) -> str:
    """The report as Markdown, headings of the sections on level two; names files STEM.svg for its pictures."""
    numbering = Numbering()
    parts = [f"# {_text(document.title)}", _inline(document.lead)]
    parts.append("\n".join(f"- {_text(each.label)}: {_toned(each.value, each.tone)}" for each in document.summary))
    for section in document.sections:
        parts.append(f"## {_text(section.title)}")
        parts += _blocks(section.blocks, numbering, level=3)
    return "\n\n".join(each for each in parts if each) + "\n"


def _blocks(blocks: Sequence[Block], numbering: Numbering, level: int) -> Iterator[str]:
    """Blocks of a section; headings within it are of `level`."""
    for block in blocks:
        match block:
            case Paragraph():
                yield _inline(block.text)
            case Bullets():
                yield "\n".join(f"- {_inline(item)}" for item in block.items)
            case Table():
                yield f"**{numbering.label('Table')}.** {_inline(block.caption)}"
                yield _table(block)
                yield _inline(block.note)
            case Picture():
                yield f"![{_text(block.alt)}]({block.stem}.svg)"
                yield f"**{numbering.label('Figure')}.** {_inline(block.caption)}"
            case Code():
                text = clean(block.text).strip("\n")
                fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", text)), default=0))
                yield f"{fence}\n{text}\n{fence}"
            case Details():
                yield f"{'#' * min(level, 6)} {_text(block.summary)}"
                yield from _blocks(block.blocks, numbering, level + 1)


def _table(table: Table) -> str:
    """The table in columns of equal width, figures to the right."""
    right = table.numeric_columns()
    lines = [[_text(each) for each in table.head]]
    lines += [[_cell(each) for each in row] for row in table.cells()]
    widths = [max(3, *(_width(line[i]) for line in lines)) for i in range(len(table.head))]
    rule = ["-" * (width - 1) + ":" if r else "-" * width for width, r in zip(widths, right, strict=True)]
    padded = [
        [_padded(text, width, r) for text, width, r in zip(line, widths, right, strict=True)]
        for line in [lines[0], rule, *lines[1:]]
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in padded)


def _cell(cell: Cell) -> str:
    return _toned(cell.text, cell.tone, in_table=True)


def _toned(text: str, tone: Tone, *, in_table: bool = False) -> str:
    """Inline text with the sign of its tone, the best one bold."""
    shown = _inline(text, in_table=in_table)
    if tone == "best" and shown:
        return f"**{shown}**"
    return f"{SIGNS[tone]} {shown}".rstrip() if tone in SIGNS else shown


def _padded(text: str, width: int, right: bool) -> str:
    fill = " " * (width - _width(text))
    return fill + text if right else text + fill


def _width(text: str) -> int:
    """Columns that `text` takes in a terminal: two for wide characters, none for combining ones."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


def _inline(text: str, *, in_table: bool = False) -> str:
    found = "".join(_span(span, in_table) for span in spans(text))
    return found if in_table else _START.sub(r"\1\\", found)


def _span(span: Span, in_table: bool) -> str:
    if span.kind == "link":
        return f"[{_escaped(span.text)}]({_escaped_url(span.url)})"
    if span.kind == "text":
        return _escaped(span.text)
    if in_table and "|" in span.text:  # a backslash and a bar cannot both stand in backticks in a table
        return f"<code>{_escaped(span.text)}</code>"
    return code(span.text)


def _text(text: str) -> str:
    """Plain text, nothing in it markup."""
    return _START.sub(r"\1\\", _escaped(one_line(text)))


def _escaped(text: str) -> str:
    """Text in which nothing is markup, wherever it stands in a line."""
    return _ANGLE.sub(lambda found: _ENTITIES[found[0]], _MARK.sub(r"\\\g<0>", text))


def _escaped_url(url: str) -> str:
    return url.replace("&", "&amp;")
