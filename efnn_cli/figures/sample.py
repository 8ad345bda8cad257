"""Samples of Markov chains: series, histograms, autocorrelation, structure factor and one configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from efnn_cli.figures.style import COLOURS, FAINT, in_unit, save, sheet, styled

Array = NDArray[np.float64]

MOST_CHAINS = 8  # drawn in the series
LAGS = 30


@styled()
def sample(
    series: Mapping[str, Array],
    correlations: Mapping[str, Array],
    structure_factor: Array,
    spins: Array,
    stem: Path,
    title: str,
    *,
    unit: str = "",
) -> Path:
    """Draw two `series` (chains, proposals) by name, the first in `unit`, and their autocorrelation functions (lags,).

    Beside them S(q) (Lx, Ly) and one configuration `spins` (3, Lx, Ly).

    The CSV has the series: proposal, chain, and a column each. Return the path of the PNG.
    """
    figure = sheet(7.4, 6.4)
    figure.suptitle(title, fontsize=9)
    axes = figure.subplots(3, 2)
    names = [in_unit(name, unit) if index == 0 else name for index, name in enumerate(series)]
    for index, (name, rows) in enumerate(zip(names, series.values(), strict=True)):
        draw_series(axes[0, index], rows, name)
    first = next(iter(series.values()))
    draw_histogram(axes[1, 0], names[0], first)
    draw_autocorrelation(axes[1, 1], correlations)
    draw_structure_factor(figure, axes[2, 0], structure_factor)
    draw_configuration(figure, axes[2, 1], spins)
    lines = [
        (proposal, chain, *(float(each[chain, proposal]) for each in series.values()))
        for proposal in range(first.shape[1])
        for chain in range(len(first))
    ]
    return save(figure, stem, ("proposal", "chain", *series), lines)


def draw_series(axes: Any, rows: Array, name: str) -> None:
    """Draw the first chains against the proposal."""
    for index, chain in enumerate(rows[:MOST_CHAINS]):
        axes.plot(chain, linewidth=0.7, color=COLOURS[index % len(COLOURS)])
    axes.set_xlabel("proposal")
    axes.set_ylabel(name.replace(" per site", "\nper site"))


def draw_histogram(axes: Any, name: str, rows: Array) -> None:
    """Draw the histogram of a series over all chains, halves of every chain apart: they must agree."""
    half = rows.shape[1] // 2
    bins = np.linspace(rows.min(), rows.max() + 1e-300, 31)
    for part, colour, label in ((rows[:, :half], FAINT, "first half"), (rows[:, half:], COLOURS[0], "second half")):
        axes.hist(part.ravel(), bins, histtype="step", color=colour, density=True, label=label)
    axes.locator_params(axis="x", nbins=3)  # energies a site have many digits
    axes.set_xlabel(name)
    axes.set_ylabel("probability density")
    axes.legend()


def draw_autocorrelation(axes: Any, correlations: Mapping[str, Array]) -> None:
    """Draw autocorrelation functions up to half of the chain: beyond, they are noise."""
    for (name, found), colour in zip(correlations.items(), COLOURS, strict=False):
        axes.plot(found[: min(LAGS, len(found) // 2) + 1], marker="o", markersize=2.5, color=colour, label=name)
    axes.axhline(0.0, color=FAINT, linewidth=0.8)
    axes.set_xlabel("lag (proposals)")
    axes.set_ylabel("autocorrelation")
    axes.legend()


def draw_structure_factor(figure: Any, axes: Any, factors: Array) -> None:
    """Draw S(q) (Lx, Ly) as a map over the Brillouin zone of the cell coordinates, q = 0 in its middle."""
    edges = [each for side in factors.shape for each in (-2 * (side // 2) / side - 1 / side, -2 * (side // 2) / side)]
    extent = (edges[0], edges[0] + 2, edges[2], edges[2] + 2)  # a pixel a momentum
    image = axes.imshow(
        np.fft.fftshift(factors).T, origin="lower", extent=extent, cmap="viridis", aspect="equal", norm="log"
    )
    axes.set_xlabel("$q_x$ / π")
    axes.set_ylabel("$q_y$ / π")
    axes.grid(visible=False)
    figure.colorbar(image, ax=axes, label="S(q)")


def draw_configuration(figure: Any, axes: Any, spins: Array) -> None:
    """Draw one configuration (3, Lx, Ly): arrows in the plane, colour along z."""
    x, y = np.indices(spins.shape[1:])
    size = max(spins.shape[1:])
    arrows = axes.quiver(
        x, y, spins[0], spins[1], spins[2], cmap="coolwarm", pivot="mid", scale=size * 1.1, width=0.12 / size,
        clim=(-1, 1),
    )  # fmt: skip
    axes.set_aspect("equal")
    axes.set_xlim(-1, spins.shape[1])
    axes.set_ylim(-1, spins.shape[2])
    axes.grid(visible=False)
    axes.set_xlabel("x (sites)")
    axes.set_ylabel("y (sites)")
    figure.colorbar(arrows, ax=axes, label="$S_z$")
