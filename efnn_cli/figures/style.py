"""What all figures share: inks and palette, sheets with axes, legends beside the data, and the three files.

All that is not data is drawn in one of three inks, so that a page can recolour an SVG that it holds.
"""

from __future__ import annotations

import io
import math
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from efnn_cli.storage import atomic

INK = "#222222"
"""Text, axes, ticks."""
FAINT = "#888888"
"""Secondary lines and notes."""
GRID = "#dddddd"
# Okabe and Ito's palette, told apart by all kinds of colour vision, also in grey print by its markers.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = ("o", "s", "^", "D", "v", "P")
SUFFIXES = (".png", ".svg", ".csv")
PDF = ".pdf"
NOTE = 8  # points: the smallest text
FEW = 8  # values of x that are ticks of their own
DOCTYPE = re.compile(rb"<!DOCTYPE[^>]*>\s*")
POWER = re.compile(r"(?:(\d+)\\times)?10\^\{(-?\d+)\}")
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
OWN_FONT = b"'DejaVu Sans', "
RC: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlesize": 9,
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],  # what matplotlib brings along: PNGs are equal everywhere
    "font.size": 9,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "legend.fontsize": NOTE,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "lines.markersize": 5,
    "svg.fonttype": "none",
    "svg.hashsalt": "efnn",
    "text.color": INK,
    "xtick.color": INK,
    "xtick.labelsize": NOTE,
    "ytick.color": INK,
    "ytick.labelsize": NOTE,
}

Row = Sequence[object]


@contextmanager
def styled() -> Iterator[None]:
    """Draw with matplotlib's defaults and the settings above alone, none of the user's; also a decorator."""
    library = _matplotlib()
    with library.rc_context({**library.rcParamsDefault, **RC}):
        yield


def _matplotlib() -> ModuleType:
    """Import matplotlib whatever MPLBACKEND says: a backend that is not installed here would stop the import."""
    chosen = os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib
    finally:
        if chosen is not None:
            os.environ["MPLBACKEND"] = chosen
    return matplotlib


def sheet(width: float, height: float) -> Any:
    """An empty figure of this size in inches, laid out so that nothing overlaps."""
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.05)
    return figure


def look(index: int) -> dict[str, str]:
    """Colour and marker of the line number `index`."""
    return {"color": COLOURS[index % len(COLOURS)], "marker": MARKERS[index % len(MARKERS)]}


def below(figure: Any, handles: Sequence[Any], names: Sequence[str]) -> None:
    """One legend for all panels under them, in as many columns as have room; the figure grows by its lines."""
    longest = max(map(len, names))
    columns = max(1, min(len(names), int(figure.get_figwidth() / (0.5 + 0.058 * longest))))
    rows = math.ceil(len(names) / columns)
    figure.set_figheight(figure.get_figheight() + 0.18 * (rows - 1))
    figure.legend(handles, names, loc="outside lower center", ncols=math.ceil(len(names) / rows))


def ticks_at(axes: Any, values: Sequence[float]) -> None:
    """Ticks of the logarithmic x axis at the data's own values where these are few, as many as have room."""
    values = sorted(set(values))
    if not 0 < len(values) <= FEW:
        return
    if len(values) == 1:
        axes.set_xlim(values[0] / 2, values[0] * 2)
    span = math.log(values[-1] / values[0]) or 1.0
    kept = [values[-1]]
    for value in reversed(values[:-1]):
        if math.log(kept[-1] / value) > 0.018 * span * (3 + len(grouped(value)) + len(grouped(kept[-1]))):
            kept.append(value)
    axes.set_xticks(kept, [grouped(value) for value in kept])
    axes.set_xticks([], minor=True)


def logarithmic(axis: Any) -> None:
    """A logarithmic axis whose labels are plain text: formulas would be cut into single letters in an SVG."""
    from matplotlib.ticker import LogFormatterSciNotation

    class Plain(LogFormatterSciNotation):
        def __call__(self, x: float, pos: int | None = None) -> str:
            found = POWER.search(super().__call__(x, pos))
            return f"{found[1] + '×' if found[1] else ''}{power_of_ten(int(found[2]))}" if found else ""

    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_formatter(Plain())
    axis.set_minor_formatter(Plain(minor_thresholds=(1.2, 0.5)))


def power_of_ten(exponent: int) -> str:
    """10 with a raised exponent, in plain characters."""
    return "10" + str(exponent).translate(RAISED)


def grouped(value: float) -> str:
    """A number for people, its thousands apart."""
    return f"{value:,g}".replace(",", " ") if value < 1e6 else f"{value:.3g}"


def limits(values: Sequence[float]) -> tuple[float, float]:
    """Ends of a logarithmic axis with room on both sides of those of `values` that are above zero."""
    seen = [value for value in values if value > 0] or [1.0]
    return min(seen) / 1.5, max(seen) * 1.5


def save(figure: Any, stem: Path, head: Row | None = None, rows: Sequence[Row] = ()) -> Path:
    """Write STEM.csv (unless there is no `head`), STEM.svg and STEM.png, each atomically; returns the last.

    Given as STEM.pdf it writes that too. None is an empty cell. Equal figures have equal files.
    """
    asked, stem = stem, stem.with_suffix("") if stem.suffix == PDF else stem
    if head is not None:
        atomic.write_csv(beside(stem, ".csv"), [head, *rows])
    image = DOCTYPE.sub(b"", _image(figure, "svg", ("Date", "Creator", "Format", "Type")), count=1)
    atomic.write_bytes(beside(stem, ".svg"), image.replace(OWN_FONT, b""))  # leaves sans-serif, of the page
    if asked != stem:
        atomic.write_bytes(asked, _image(figure, "pdf", ("CreationDate", "Creator", "Producer")))
    path = beside(stem, ".png")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=200, facecolor="white")
    atomic.write_bytes(path, buffer.getvalue())
    return path


def _image(figure: Any, form: str, unwanted: Sequence[str]) -> bytes:
    """The figure in the vector format `form`, on nothing, without the metadata `unwanted`."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=form, dpi=200, transparent=True, metadata=dict.fromkeys(unwanted))
    return buffer.getvalue()


def beside(stem: Path, suffix: str) -> Path:
    """STEM with `suffix`; dots in its name are no suffix."""
    return stem.with_name(stem.name + suffix)
