"""A report as one HTML page: no script, nothing loaded from anywhere, readable on a phone, in the dark, on paper."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files

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
from efnn_cli.report.inline import Span, clean, one_line, spans
from efnn_cli.report.inline_svg import inline_svg

# Styles stand in the page itself, pixels of figures are data; nothing else may be loaded, run or sent
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def render_html(document: Document) -> str:
    """The report as a whole page, to be written as UTF-8. Raises ValueError for a picture that is not inert."""
    anchors = document.anchors()
    numbering = _Figures()
    links = [
        f'<li><a href="#{anchor}">{_text(section.title)}</a></li>'
        for anchor, section in zip(anchors, document.sections, strict=True)
    ]
    contents = f"<ol>{''.join(links)}</ol>" if links else ""
    parts = [
        "<!doctype html>",
        '<html lang="en">',
        *_head(document.title),
        "<body>",
        '<a class="skip" href="#page.text">To the text</a>',
        f'<nav class="side" aria-label="Contents"><p>Contents</p>{contents}</nav>' if contents else "",
        '<main id="page.text">',
        *_opening(document),
        f'<details class="contents"><summary>Contents</summary><nav aria-label="Contents">{contents}</nav></details>'
        if contents
        else "",
    ]
    for anchor, section in zip(anchors, document.sections, strict=True):
        parts.append(f'<section id="{anchor}"><h2>{_text(section.title)}</h2>')
        parts += _blocks(section.blocks, numbering, level=3)
        parts.append("</section>")
    return "\n".join(each for each in [*parts, "</main>", "</body>", "</html>"] if each) + "\n"


class _Figures(Numbering):
    """The numbering of a page, which also tells the ids of its figures apart."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def prefix(self) -> str:
        """What the ids of the next figure begin with; anchors of sections hold no dot."""
        self.count += 1
        return f"f{self.count}."


def _head(title: str) -> Iterator[str]:
    yield "<head>"
    yield '<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="color-scheme" content="light dark">'
    yield f"<title>{_text(title)}</title>"
    yield '<link rel="icon" href="data:,">'  # else browsers ask the server for one
    yield f"<style>\n{files('efnn_cli.report').joinpath('style.css').read_text('utf-8')}</style>"
    yield "</head>"


def _opening(document: Document) -> Iterator[str]:
    yield f"<header><h1>{_text(document.title)}</h1>"
    if document.lead:
        yield f'<p class="lead">{_inline(document.lead)}</p>'
    if document.summary:
        yield '<dl class="facts">'
        for fact in document.summary:
            value = _toned(fact.value, fact.tone)
            yield f"<div{_class(fact.tone)}><dt>{_text(fact.label)}</dt><dd>{value}</dd></div>"
        yield "</dl>"
    yield "</header>"


def _blocks(blocks: Sequence[Block], numbering: _Figures, level: int) -> Iterator[str]:
    """Blocks of a section; headings within it are of `level`."""
    for block in blocks:
        match block:
            case Paragraph():
                yield f"<p>{_inline(block.text)}</p>"
            case Bullets():
                yield f"<ul>{''.join(f'<li>{_inline(item)}</li>' for item in block.items)}</ul>" if block.items else ""
            case Code():
                yield f'<pre tabindex="0"><code>{escape(clean(block.text).strip(chr(10)))}</code></pre>'
            case Table():
                yield from _table(block, numbering.label("Table"))
            case Picture():
                svg = inline_svg(block.svg, numbering.prefix(), one_line(block.alt))
                label = f"<b>{numbering.label('Figure')}.</b>"
                yield f'<figure><div class="drawn" tabindex="0">{svg}</div>'
                yield f"<figcaption>{label} {_inline(block.caption)}</figcaption></figure>"
            case Details():
                heading = min(level, 6)
                yield f'<details class="more"><summary><h{heading}>{_text(block.summary)}</h{heading}></summary><div>'
                yield from _blocks(block.blocks, numbering, level + 1)
                yield "</div></details>"


def _table(table: Table, label: str) -> Iterator[str]:
    """The table in a box of its own, which a phone scrolls; the caption stays in sight."""
    right = table.numeric_columns()
    caption = f'<caption id="{_id(label)}"><span><b>{label}.</b> {_inline(table.caption)}</span></caption>'
    yield f'<div class="table"><div class="wide" role="region" aria-labelledby="{_id(label)}" tabindex="0">'
    yield f"<table>{caption}"
    head = [
        f'<th scope="col"{_class("number" if r else "")}>{_text(each)}</th>'
        for each, r in zip(table.head, right, strict=True)
    ]
    yield f"<thead><tr>{''.join(head)}</tr></thead>"
    yield "<tbody>"
    for row in table.cells():
        yield f"<tr>{''.join(_cell(cell, first=index == 0) for index, cell in enumerate(row))}</tr>"
    yield "</tbody></table></div>"
    if table.note:
        yield f'<p class="note">{_inline(table.note)}</p>'
    yield "</div>"


def _id(label: str) -> str:
    """An id that no section can have."""
    return label.lower().replace(" ", ".")


def _cell(cell: Cell, *, first: bool) -> str:
    classes = _class(cell.tone, "number" if cell.numeric else "")
    text = _toned(cell.text, cell.tone)
    return f'<th scope="row"{classes}>{text}</th>' if first else f"<td{classes}>{text}</td>"


def _toned(text: str, tone: Tone) -> str:
    """Inline text with the sign of its tone."""
    sign = f'<span class="sign" role="img" aria-label="{tone}">{SIGNS[tone]}</span>&nbsp;' if tone in SIGNS else ""
    return f"{sign}{_inline(text)}"


def _class(*names: str) -> str:
    found = " ".join(filter(None, names))
    return f' class="{found}"' if found else ""


def _inline(text: str) -> str:
    return "".join(map(_span, spans(text)))


def _span(span: Span) -> str:
    text = escape(span.text)
    if span.kind == "link":
        return f'<a href="{escape(span.url)}" rel="noreferrer">{text}</a>'
    return f"<code>{text}</code>" if span.kind == "code" else text


def _text(text: str) -> str:
    """Plain text, nothing in it markup."""
    return escape(one_line(text))
