"""What all figures share: three inks for everything that is not data, one palette, and the files they become.

A page may recolour the inks of an SVG for a dark background; data keep their colours there.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from efnn_cli.storage import atomic

INK = "#222222"  # text, axes, ticks
FAINT = "#888888"  # secondary lines and notes
GRID = "#dddddd"

# Okabe and Ito's palette, told apart by all kinds of colour vision, also in grey print by its markers.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = ("o", "s", "^", "D", "v", "P")
DOTS_PER_INCH = 200

SETTINGS: Any = {
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "figure.facecolor": "white",
    "font.family": "sans-serif",
    "font.size": 9,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "lines.markersize": 5,
    "svg.fonttype": "none",  # text stays text: it can be searched, and takes the font of the page
    "svg.hashsalt": "efnn",  # equal figures are equal files
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}

Row = Sequence[object]


def colour(style: int) -> str:
    """The colour of one kind of data."""
    return COLOURS[style % len(COLOURS)]


def marker(style: int) -> str:
    """The marker that goes with it."""
    return MARKERS[style % len(MARKERS)]


def new_figure(width: float, height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Any, Any]:
    """A figure of `width` x `height` inches and its axes (rows, columns), in our settings."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(SETTINGS):
        figure = Figure(figsize=(width, height), layout="constrained")
        return figure, figure.subplots(rows, columns, squeeze=False, **options)


def logarithmic(axes: Any, *, x: bool = True, y: bool = True) -> None:
    """Logarithmic scales with a light grid; a bar that would reach zero ends at the edge."""
    if x:
        axes.set_xscale("log")
    if y:
        axes.set_yscale("log", nonpositive="clip")
    axes.grid(visible=True, which="major")
    axes.set_axisbelow(True)


def ticks_at(axes: Any, values: Sequence[float], room: int = 9) -> None:
    """Ticks of the x axis at the data's own values where there is `room` for them; no others.

    Where they are too many or too close, the largest and those at a distance from the next larger one are labelled.
    """
    chosen: list[float] = []
    ordered = sorted(set(values), reverse=True)
    span = ordered[0] / ordered[-1] if ordered and ordered[-1] > 0 else 1.0
    gap = max(span ** (1.0 / room), 1.0)
    for value in ordered:
        if not chosen or chosen[-1] / value >= gap * 0.999:
            chosen.append(value)
    axes.set_xticks(sorted(chosen), [thousands(tick) for tick in sorted(chosen)])
    axes.set_xticks([], minor=True)


def thousands(value: float) -> str:
    """A number in groups of three digits."""
    return f"{int(value):_}".replace("_", "\u2009") if value == int(value) else f"{value:g}"


def legend_below(figure: Any, axes: Any, names: Sequence[str], columns: int | None = None) -> None:
    """One legend for all panels, under them, in the order of `names`."""
    handles: dict[str, Any] = {}
    for each in axes.flat:
        for handle, label in zip(*each.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    shown = [name for name in names if name in handles]
    if len(shown) > 1:
        figure.legend(
            [handles[name] for name in shown], shown, loc="outside lower center", ncols=columns or min(len(shown), 4),
            frameon=False, fontsize=9, labelcolor=INK,
        )  # fmt: skip


def save(figure: Any, stem: Path, head: Sequence[str], rows: Sequence[Row]) -> Path:
    """STEM.svg, STEM.png and the data in STEM.csv; returns the path of the PNG."""
    from matplotlib import rc_context

    with rc_context(SETTINGS):
        for suffix, options in ((".svg", {"transparent": True, "metadata": {"Date": None}}), (".png", {})):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=suffix[1:], dpi=DOTS_PER_INCH, **options)
            atomic.write_bytes(stem.with_suffix(suffix), buffer.getvalue())
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([head, *rows])
    atomic.write_text(stem.with_suffix(".csv"), text.getvalue())
    return stem.with_suffix(".png")


def named_rows(named: Mapping[str, Sequence[Row]]) -> list[Row]:
    """Rows of a CSV from rows by name."""
    return [(name, *row) for name, rows in named.items() for row in rows]
