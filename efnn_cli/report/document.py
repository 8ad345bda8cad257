"""What a report is made of: sections of paragraphs, tables, pictures, commands.

Titles, labels, heads of tables, summaries and alternative texts are plain text. All other strings may hold
the inline markup of `inline.py` (code and links); what a user has named goes into them through `inline.literal`
or `inline.code`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Tone = Literal["", "met", "missed", "best", "muted"]
SIGNS: dict[Tone, str] = {"met": "✓", "missed": "✗"}


@dataclass(frozen=True)
class Cell:
    """One cell of a table; the tone is shown by a sign or by weight, and by colour where there is any."""

    text: str
    tone: Tone = ""
    numeric: bool = False
    """Aligned to the right."""


@dataclass(frozen=True)
class Fact:
    """One entry of the summary."""

    label: str
    value: str
    tone: Tone = ""


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list without numbers."""

    items: Sequence[str]


@dataclass(frozen=True)
class Code:
    """Commands or output, shown as they are."""

    text: str


@dataclass(frozen=True)
class Table:
    """A table; the first cell of a row names the row. Raises ValueError where a row is not as long as the head."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell | str]]
    note: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.head):
                raise ValueError(
                    f"table {self.caption!r} has {len(self.head)} columns, found a row of {len(row)}: {row!r}"
                )

    def cells(self) -> list[list[Cell]]:
        """The rows, every cell a `Cell`."""
        return [[each if isinstance(each, Cell) else Cell(each) for each in row] for row in self.rows]

    def numeric_columns(self) -> list[bool]:
        """Whether a column holds figures: all its cells with a text are numeric."""
        columns = [[cell for cell in column if cell.text] for column in zip(*self.cells(), strict=True)]
        return [bool(column) and all(cell.numeric for cell in column) for column in columns] or [False] * len(self.head)


@dataclass(frozen=True)
class Picture:
    """A figure. The page holds its SVG, the Markdown names the file STEM.svg beside it.

    Raises ValueError for a stem that is not a plain name of letters, digits, `.`, `_` and `-`.
    """

    stem: str
    caption: str
    alt: str
    """What the figure shows, for those who cannot see it."""
    svg: str = field(repr=False)
    """The SVG document as it is drawn, prolog and all."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", self.stem):
            raise ValueError(f"a picture needs a plain name of letters, digits, '.', '_' and '-', found {self.stem!r}")


@dataclass(frozen=True)
class Details:
    """Blocks that the page shows only when asked, or in print; a subsection in Markdown."""

    summary: str
    blocks: Sequence[Block]


Block: TypeAlias = Paragraph | Bullets | Table | Picture | Code | Details


@dataclass(frozen=True)
class Section:
    """One entry of the table of contents."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Document:
    """A report. Raises ValueError where two pictures would be the same file."""

    title: str
    lead: str
    summary: Sequence[Fact] = ()
    sections: Sequence[Section] = ()

    def __post_init__(self) -> None:
        twice = [stem for stem, count in Counter(each.stem for each in self.pictures()).items() if count > 1]
        if twice:
            raise ValueError(f"every picture of a report needs a name of its own, found twice: {', '.join(twice)}")

    def pictures(self) -> Iterator[Picture]:
        """All pictures, in order; their files belong beside the Markdown."""
        for section in self.sections:
            yield from _pictures(section.blocks)

    def anchors(self) -> list[str]:
        """The names by which links reach the sections, as GitHub makes them of headings; one a section, unique."""
        found: list[str] = []
        for section in self.sections:
            slug = re.sub(r"[^\w\- ]", "", section.title.strip().lower()).replace(" ", "-") or "section"
            name, count = slug, 0
            while name in found:
                count += 1
                name = f"{slug}-{count}"
            found.append(name)
        return found


def _pictures(blocks: Sequence[Block]) -> Iterator[Picture]:
    for block in blocks:
        if isinstance(block, Picture):
            yield block
        elif isinstance(block, Details):
            yield from _pictures(block.blocks)


class Numbering:
    """Counts tables and figures in the order in which they come."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def label(self, kind: Literal["Table", "Figure"]) -> str:
        """The label of the next one, `Table 1`."""
        self._seen[kind] += 1
        return f"{kind} {self._seen[kind]}"
