"""Colours, sheets, legends, logarithmic axes and files of all figures."""

from __future__ import annotations

import io
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from efnn_cli.storage import atomic

INK = "#222222"
"""Text, axes, ticks."""
FAINT = "#888888"
"""Secondary lines and notes."""
GRID = "#dddddd"
# Palette of Okabe and Ito, for all kinds of colour vision; markers tell the lines apart in grey print
NETWORKS = {
    "EFNN": ("#0072B2", "o"),
    "DNN": ("#D55E00", "s"),
    "ResNet": ("#009E73", "^"),
    "DenseNet": ("#CC79A7", "D"),
    "effective model": ("#56B4E9", "v"),
}
"""Colour and marker of a network by its title: the same in every figure."""
COLOURS = tuple(colour for colour, _ in NETWORKS.values())
OTHERS = ((INK, "s"), ("#E69F00", "P"), ("#882255", "X"), ("#44AA99", "<"), ("#999933", ">"), (FAINT, "h"))
"""Colours and markers of everything else, such as reference methods."""
TINTS = (0.0, 0.4, 0.65)  # of white, in the colours of the first, second and third curve of one network
SUFFIXES = (".png", ".svg", ".pdf", ".csv")
DPI = 200
NOTE = 8  # points: the smallest text
SIDE = "side of the lattice L (sites)"
FEW = 8  # values of x that are ticks of their own
UNDATED: dict[str, Any] = {
    "png": {},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}  # equal figures, equal files
POWER = re.compile(r"(?:(\d+)\\times)?10\^\{(-?\d+)\}")
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
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
    "font.sans-serif": ["DejaVu Sans"],  # part of matplotlib: PNGs are equal everywhere
    "font.size": 9,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "legend.fontsize": NOTE,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "lines.markersize": 5,
    "pdf.fonttype": 42,  # TrueType: text stays text
    "svg.fonttype": "none",
    "svg.hashsalt": "efnn",
    "text.color": INK,
    "xtick.color": INK,
    "xtick.labelsize": NOTE,
    "ytick.color": INK,
    "ytick.labelsize": NOTE,
}

Row = Sequence[object]
SAVED: ContextVar[Any] = ContextVar("SAVED")
"""The figure that was saved last in this thread, for notebooks."""


@contextmanager
def styled() -> Iterator[None]:
    """Draw with the defaults of matplotlib and the settings above, whatever the user's own are; also a decorator."""
    import matplotlib

    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **RC}):
        yield


def sheet(width: float, height: float) -> Any:
    """Return an empty figure of this size in inches, laid out so that nothing overlaps."""
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.05)
    return figure


def looks(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return colour and marker by name: those of the network that a name begins with, else the next ones of `OTHERS`.

    Several curves of one network, such as its depths, have lighter and lighter colours and markers of their own.
    """
    markers = [marker for _, marker in NETWORKS.values()]
    found: dict[str, dict[str, str]] = {}
    count: Counter[str] = Counter()
    for name in dict.fromkeys(names):
        network = next((each for each in NETWORKS if name.startswith(each)), "")
        if network:
            colour, marker = NETWORKS[network]
            colour = lighter(colour, TINTS[count[network] % len(TINTS)])
            marker = markers[(markers.index(marker) + count[network]) % len(markers)]
        else:
            colour, marker = OTHERS[count[network] % len(OTHERS)]
        count[network] += 1
        found[name] = {"color": colour, "marker": marker}
    return found


def lighter(colour: str, white: float) -> str:
    """Return a colour mixed with a part of white."""
    parts = (int(colour[each : each + 2], 16) for each in (1, 3, 5))
    return "#" + "".join(f"{round(part + white * (255 - part)):02x}" for part in parts)


def in_unit(quantity: str, unit: str) -> str:
    """Return the label of an axis."""
    return f"{quantity} ({unit})" if unit else quantity


def legend_below(figure: Any, handles: Sequence[Any], names: Sequence[str]) -> None:
    """Put one legend for all panels under them, in as many columns as have room; the figure grows by its lines."""
    longest = max(map(len, names))
    columns = max(1, min(len(names), int(figure.get_figwidth() / (0.5 + 0.058 * longest))))
    rows = math.ceil(len(names) / columns)
    figure.set_figheight(figure.get_figheight() + 0.18 * (rows - 1))
    figure.legend(handles, names, loc="outside lower center", ncols=math.ceil(len(names) / rows))


def ticks_at(axes: Any, values: Iterable[float]) -> None:
    """Put the ticks of the logarithmic x axis at `values` where these are few, and only where they have room."""
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


def logarithmic(*every: Any) -> None:
    """Make axes logarithmic with labels of plain text: in an SVG formulas would be cut into single letters."""
    from matplotlib.ticker import LogFormatterSciNotation

    class Plain(LogFormatterSciNotation):
        def __call__(self, x: float, pos: int | None = None) -> str:
            found = POWER.search(super().__call__(x, pos))
            if found is None:
                return ""
            if abs(int(found[2])) < 3:
                return f"{x:g}"
            return f"{found[1] + '×' if found[1] else ''}{power_of_ten(int(found[2]))}"

    for axis in every:
        axis.axes.set(**{f"{axis.axis_name}scale": "log"})
        axis.set_major_formatter(Plain())
        axis.set_minor_formatter(Plain(minor_thresholds=(1.2, 0.5)))


def power_of_ten(exponent: int) -> str:
    """Return 10 with a raised exponent, in plain characters."""
    return "10" + str(exponent).translate(RAISED)


def grouped(value: float) -> str:
    """Return a number with its thousands apart; three digits of one that is not whole."""
    return f"{value:,g}".replace(",", " ") if value < 1e6 and value == int(value) else f"{value:.3g}"


def save(figure: Any, stem: Path, head: Row | None = None, rows: Sequence[Row] = ()) -> Path:
    """Write STEM.csv, STEM.svg, STEM.pdf and STEM.png, each atomically; return the path of the PNG.

    Without a `head` there is no CSV. None is an empty cell.
    """
    if head is not None:
        atomic.write_csv(beside(stem, ".csv"), [head, *rows])
    for suffix in (".svg", ".pdf", ".png"):
        form = suffix[1:]
        image = io.BytesIO()
        figure.savefig(image, format=form, dpi=DPI, transparent=form != "png", metadata=UNDATED[form])
        atomic.write_bytes(beside(stem, suffix), image.getvalue())
    SAVED.set(figure)
    return beside(stem, ".png")


def beside(stem: Path, suffix: str) -> Path:
    """Return STEM with `suffix`; dots in its name are no suffix."""
    return stem.with_name(stem.name + suffix)
