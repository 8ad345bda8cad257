"""Tables for people: a rich table on a terminal, plain aligned text elsewhere, no wider than a line where possible."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from efnn_cli.core.numbers import number
from efnn_cli.core.text import printable

NUMBER = re.compile(r"-?|[-+]?\d[\d .]*(\(\d[\d.]*\))?(e-?\d+)?( ?[%x])?")
GAP = "  "

Lines = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Table:
    """Rows of cells under a `head`; without a head, rows of one name and one value."""

    head: Sequence[str]
    rows: Sequence[Sequence[object]]
    """Text as it is, and other values as `numbers.number` writes them."""
    bold: Collection[tuple[int, int]] = ()
    """Row and column of the cells that are set in bold on a terminal."""
    turns: bool = True
    """Turn the table on its side where a line has no room for it: a line for every column."""

    def text(self) -> str:
        """Return the lines of the table, laid out for stdout."""
        rows = [[printable(number(cell)) for cell in row] for row in self.rows]
        room = shutil.get_terminal_size().columns  # 80 where there is no terminal
        if not self.head:
            return _pairs(rows, room)
        if self.turns and rows and _width([self.head, *rows]) > room:
            return "\n\n".join(
                _layout(
                    [list(line) for line in zip(self.head, *rows[first:last], strict=True)],
                    {(column, row - first + 1) for row, column in self.bold if first <= row < last},
                    right=range(1, last - first + 1),
                )
                for first, last in _blocks(self.head, rows, room)
            )
        right = [index for index, column in enumerate(zip(*rows, strict=True)) if is_numeric(column)]
        return _layout([self.head, *rows], {(row + 1, column) for row, column in self.bold}, right)


def facts(values: Mapping[str, object]) -> Table:
    """Return a table of names and values."""
    return Table((), list(values.items()))


def is_numeric(cells: Iterable[str]) -> bool:
    """Return whether there is nothing but numbers and gaps in `cells`, and not all are empty."""
    cells = list(cells)
    return any(cells) and all(NUMBER.fullmatch(each) for each in cells)


def _width(lines: Lines) -> int:
    """Return the characters of a line."""
    return sum(max(map(len, column)) + len(GAP) for column in zip(*lines, strict=True)) - len(GAP)


def _blocks(names: Sequence[str], rows: Lines, room: int) -> Iterable[tuple[int, int]]:
    """Yield first and last of the rows that fit side by side beside their names, at least one."""
    first, free = 0, room - max(map(len, names))
    left = free
    for index, row in enumerate(rows):
        needed = max(map(len, row)) + len(GAP)
        if needed > left and index > first:
            yield first, index
            first, left = index, free
        left -= needed
    yield first, len(rows)


def _pairs(rows: Lines, room: int) -> str:
    """Return names and values; a value that has no room beside its name stands below it."""
    start = max((len(row[0]) for row in rows), default=0) + len(GAP)
    return "\n".join(
        GAP.join([row[0].ljust(start - len(GAP)), *row[1:]]).rstrip()
        if len(row) == 1 or start + len(row[1]) <= room
        else f"{row[0]}\n{GAP}{row[1]}"
        for row in rows
    )


def _layout(lines: Lines, bold: Collection[tuple[int, int]], right: Collection[int]) -> str:
    """Return a head and rows in columns, some of them aligned on the right."""
    if sys.stdout.isatty():
        return _rich(lines, bold, right)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    sides = [str.rjust if index in right else str.ljust for index in range(len(widths))]
    return "\n".join(
        GAP.join(side(cell, width) for side, cell, width in zip(sides, line, widths, strict=True)).rstrip()
        for line in lines
    )


def _rich(lines: Lines, bold: Collection[tuple[int, int]], right: Collection[int]) -> str:
    """Return the same as a table of rich; a path stays whole even where it is longer than a line."""
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for index, name in enumerate(lines[0]):
        drawn.add_column(Text(name), justify="right" if index in right else "left", no_wrap=True)
    for row, line in enumerate(lines[1:], 1):
        drawn.add_row(*(Text(cell, "bold" if (row, index) in bold else "") for index, cell in enumerate(line)))
    console = Console(width=_width(lines) + len(GAP))
    with console.capture() as captured:
        console.print(drawn)
    return "\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n"))
