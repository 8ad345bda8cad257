"""Tables for people: a rich table on a terminal, plain aligned text elsewhere, never wider than a line if possible."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from efnn_cli.core.numbers import number
from efnn_cli.core.text import printable

NUMBER = re.compile(r"-?|[-+]?\d[\d .]*(\(\d[\d.]*\))?(e-?\d+)?( ?[%x])?")
GAP = 2  # characters between columns


@dataclass(frozen=True)
class Table:
    """Rows of cells under a `head`; a table of names and values has none."""

    head: Sequence[str]
    rows: Sequence[Sequence[object]]
    """Text as it is, and other values as `numbers.number` writes them."""
    bold: Collection[tuple[int, int]] = ()
    """Row and column of the cells that are set in bold on a terminal."""
    turns: bool = True
    """Turn the table on its side where it is too wide: a line for every column of `head`."""

    def text(self) -> str:
        """Return the lines of the table, laid out for stdout."""
        lines = [
            [printable(number(cell)) for cell in row] for row in ((self.head,) if self.head else ()) + (*self.rows,)
        ]
        bold = {(row + 1, column) for row, column in self.bold} if self.head else set(self.bold)
        room = shutil.get_terminal_size().columns  # 80 where there is no terminal
        if not (self.head and self.rows and self.turns) or _width(lines) <= room:
            return _layout(lines, bold, headed=bool(self.head), right=_numeric(lines[bool(self.head) :]))
        names, *records = lines
        blocks = []
        for first, last in _blocks(names, records, room):
            turned = [list(line) for line in zip(names, *records[first:last], strict=True)]
            marked = {(column, row - first) for row, column in bold if first < row <= last}
            right = set(range(1, last - first + 1))
            blocks.append(_layout(turned, marked, headed=True, right=right))
        return "\n\n".join(blocks)


def facts(values: Mapping[str, object]) -> Table:
    """Return a table of names and values."""
    return Table((), list(values.items()))


def is_numeric(cells: Iterable[str]) -> bool:
    """Return whether there is a number among `cells`, and nothing but numbers and gaps."""
    cells = list(cells)
    return any(each.strip("-") for each in cells) and all(NUMBER.fullmatch(each) for each in cells)


def _numeric(rows: Sequence[Sequence[str]]) -> set[int]:
    """Return the columns to align on the right; the first one names the rows unless it holds numbers too."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    return {index for index, column in enumerate(columns) if is_numeric(column)}


def _width(lines: Sequence[Sequence[str]]) -> int:
    """Return the characters of a line."""
    return sum(max(map(len, column)) + GAP for column in zip(*lines, strict=True)) - GAP


def _blocks(names: Sequence[str], records: Sequence[Sequence[str]], room: int) -> Iterable[tuple[int, int]]:
    """Yield the first and last of the records that fit side by side, at least one."""
    first = 0
    free = room - max(map(len, names))
    left = free
    for index, record in enumerate(records):
        needed = max(map(len, record)) + GAP
        if needed > left and index > first:
            yield first, index
            first, left = index, free
        left -= needed
    yield first, len(records)


def _layout(lines: Sequence[Sequence[str]], bold: Collection[tuple[int, int]], *, headed: bool, right: set[int]) -> str:
    """Return the lines in columns."""
    if sys.stdout.isatty():
        return _rich(lines, bold, headed=headed, right=right)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        (" " * GAP)
        .join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        .rstrip()
        for line in lines
    )


def _rich(lines: Sequence[Sequence[str]], bold: Collection[tuple[int, int]], *, headed: bool, right: set[int]) -> str:
    """Return the lines as a table of rich; paths stay whole, even where they are longer than a line."""
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(
        box=box.SIMPLE_HEAD if headed else None,
        show_header=headed,
        show_edge=False,
        pad_edge=False,
        padding=(0, GAP - headed, 0, 0),
    )
    for index in range(len(lines[0])):
        drawn.add_column(
            Text(lines[0][index]) if headed else "", justify="right" if index in right else "left", no_wrap=True
        )
    for row in range(headed, len(lines)):
        drawn.add_row(*(Text(cell, "bold" if (row, i) in bold else "") for i, cell in enumerate(lines[row])))
    console = Console(width=_width(lines) + 2 * GAP * len(lines[0]))
    with console.capture() as captured:
        console.print(drawn)
    return "\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n"))
