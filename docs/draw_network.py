"""Draw network.svg, the picture of an EFNN in the README: python docs/draw_network.py.

The white background belongs to the picture, which is therefore readable on light and on dark pages.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyBboxPatch

INK, FIELD, PARTICLE, SPIN, PLAIN = "#222222", "#cfe2f7", "#d5ecd0", "#fbe3c0", "#eeeeee"
STYLE = {"font.family": "DejaVu Sans", "mathtext.fontset": "dejavusans", "svg.hashsalt": "efnn"}
HIGH, LOW, BUS = 3.4, 1.9, 1.0  # heights: effective-field layers, quasi-particle factors, bare spins
LAYERS = (("1", 2.2), ("2", 5.2), ("D", 9.2))  # index and left edge of every layer drawn


def box(ax: Axes, x: float, y: float, text: str, colour: str, width: float = 0.9) -> None:
    """A rounded box of height 0.7 with its left edge at x and its middle at y."""
    shape = FancyBboxPatch((x, y - 0.35), width, 0.7, boxstyle="round,pad=0,rounding_size=0.12", fc=colour, ec=INK)
    ax.add_patch(shape)
    ax.text(x + width / 2, y, text, ha="center", va="center", fontsize=13)


def arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """An arrow between two points."""
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.2, "shrinkA": 0, "shrinkB": 0})


def layer(ax: Axes, index: str, x: float) -> None:
    """One pair of layers: the block f gives the effective field, the factor g of the bare spins dresses it."""
    box(ax, x, HIGH, f"$f_{index}$", FIELD)
    box(ax, x + 1.3, LOW, f"$g_{index}$", PARTICLE)
    arrow(ax, (x + 0.9, HIGH), (x + 1.55, HIGH))
    ax.text(x + 1.2, HIGH + 0.2, f"$F_{index}$", ha="center", fontsize=12)
    ax.add_patch(Circle((x + 1.75, HIGH), 0.2, fc="white", ec=INK))
    ax.plot(x + 1.75, HIGH, "x", color=INK, ms=7)
    arrow(ax, (x + 1.75, BUS), (x + 1.75, LOW - 0.35))
    arrow(ax, (x + 1.75, LOW + 0.35), (x + 1.75, HIGH - 0.2))
    arrow(ax, (x + 1.95, HIGH), (x + 3.0, HIGH))
    ax.text(x + 2.4, HIGH + 0.2, f"$S_{index}$", ha="center", fontsize=12)


def network(ax: Axes) -> None:
    """Alternating layers, above the line that brings the bare spins to each of them."""
    box(ax, 0.2, BUS, "$S_0$", SPIN)
    ax.plot([1.1, LAYERS[-1][1] + 1.75], [BUS, BUS], color=INK, lw=1.2)
    ax.plot([1.6, 1.6], [BUS, HIGH], color=INK, lw=1.2)
    arrow(ax, (1.6, HIGH), (LAYERS[0][1], HIGH))
    ax.plot([1.6, *(x + 1.75 for _, x in LAYERS[:-1])], [BUS] * len(LAYERS), "o", color=INK, ms=4)
    for index, x in LAYERS:
        layer(ax, index, x)
    ax.text(8.6, HIGH, "$\\cdots$", ha="center", va="center", fontsize=16)
    arrow(ax, (8.85, HIGH), (LAYERS[-1][1], HIGH))
    box(ax, 12.2, HIGH, "$\\Sigma$", PLAIN)
    arrow(ax, (13.1, HIGH), (13.6, HIGH))
    ax.text(13.8, HIGH, "$E$", ha="center", va="center", fontsize=14)


def words(ax: Axes) -> None:
    """Names of the parts, and the layer that brings the spins of a lattice in."""
    ax.text(2.2, HIGH + 0.75, "effective-field layers   $F_i = f_i(S_{i-1})$", color="#1f5a99", fontsize=12)
    ax.text(7.6, HIGH + 0.75, "quasi-particle layers   $S_i = g_i(S_0)\\, F_i$", color="#2f7a2a", fontsize=12)
    ax.text(2.2, BUS - 0.42, "bare spins, seen again by every layer", color="#9a5b00", fontsize=12)
    ax.text(
        0.2, 0.02,
        "On a lattice $f_i$ and $g_i$ are made of periodic convolutions, and the bare spins enter as invariants"
        "   $\\Phi = \\sum_{c=x,y,z} (W * S^c)\\,(W' * S^c)$.",
        fontsize=11,
    )  # fmt: skip


def main() -> None:
    """Write the file."""
    mpl.rcParams.update(STYLE)
    figure = plt.figure(figsize=(10, 3.5), facecolor="white")
    ax = figure.add_axes((0, 0, 1, 1), xlim=(0, 14.1), ylim=(-0.25, 4.65))
    ax.set_aspect("equal")
    ax.axis("off")
    network(ax)
    words(ax)
    figure.savefig(Path(__file__).parent / "network.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
