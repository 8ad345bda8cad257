"""One spin configuration and the effective fields that act on its spins."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from efnn_cli.figures.style import FAINT, GRID, INK, NOTE, look, save, sheet, styled

Array = NDArray[np.float64]


def perpendicular(fields: Array, configuration: Array) -> Array:
    """The part of `fields` (3, L, L) across the unit vectors of `configuration`: along a spin nothing turns it."""
    return np.asarray(fields - (fields * configuration).sum(axis=0) * configuration, dtype=np.float64)


def relative_difference(fields: Mapping[str, Array]) -> float | None:
    """The ratio rms |h_b - h_a| / rms |h_a| of two fields a, b; None unless there are two, and where a is zero."""
    if len(fields) != 2:
        return None
    first, second = fields.values()
    scale = float(np.sqrt(np.mean(first**2)))
    return float(np.sqrt(np.mean((second - first) ** 2))) / scale if scale > 0 else None


@styled()
def spins(configuration: Array, fields: Mapping[str, Array], stem: Path) -> Path:
    """A configuration beside the effective fields -dE/dS on it; returns the path of the PNG.

    `configuration` and all `fields` have the shape (3, L, L), drawn as arrows of the x and y components, coloured by z;
    of fields the parts across the spins, which alone act on unit vectors. Or (L,), scalar spins, drawn as bars.
    """
    if configuration.ndim == 1:
        return _bars(configuration, fields, stem)
    across = {name: perpendicular(each, configuration) for name, each in fields.items()}
    figure = sheet(2.4 * (1 + len(fields)), 3.3)
    every = figure.subplots(1, 1 + len(fields), squeeze=False)[0]
    first = _arrows(every[0], configuration, 1.0)
    every[0].set_title("spins S")
    figure.colorbar(first, ax=every[0], orientation="horizontal", shrink=0.8, pad=0.02, label="z component")
    lengths = [np.sqrt((each**2).sum(axis=0)) for each in across.values()]
    reach = max((float(np.quantile(each, 0.9)) for each in lengths), default=0.0) or 1.0
    for axes, (name, each) in zip(every[1:], across.items(), strict=True):
        drawn = _arrows(axes, each, reach)
        axes.set_title(f"effective fields, {name}")
        figure.colorbar(
            drawn, ax=axes, orientation="horizontal", shrink=0.8, pad=0.02, label="z component; part across S"
        )
    _note(figure, across)
    size = configuration.shape[-1]
    parts = {"S": configuration, **across}
    head = ["x", "y", *(f"{name}_{axis}" for name in parts for axis in "xyz")]
    rows = [
        [x, y, *(float(each[axis, x, y]) for each in parts.values() for axis in range(3))]
        for x in range(size)
        for y in range(size)
    ]
    return save(figure, stem, head, rows)


def _arrows(axes: Any, vectors: Array, reach: float) -> Any:
    """Vectors (3, L, L) as arrows on the lattice; one of length `reach` is about as long as a bond."""
    size = vectors.shape[-1]
    x, y = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    axes.grid(visible=False)
    axes.scatter(x, y, s=2.0, color=GRID, zorder=1)
    drawn = axes.quiver(
        x, y, vectors[0], vectors[1], vectors[2], cmap="cividis", clim=(-reach, reach), pivot="mid",
        angles="xy", scale_units="xy", scale=1.05 * reach, width=0.045 / size**0.75, headwidth=4, headlength=4.5,
        headaxislength=4, minlength=0.5, zorder=2,
    )  # fmt: skip
    axes.set(xlim=(-0.8, size - 0.2), ylim=(-0.8, size - 0.2), aspect="equal", xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    return drawn


def _bars(configuration: Array, fields: Mapping[str, Array], stem: Path) -> Path:
    """Scalar spins above their effective fields, site by site."""
    figure = sheet(5.6, 3.9)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(1, 1.7))
    sites = np.arange(1, len(configuration) + 1)
    upper.bar(sites, configuration, width=0.6, color=FAINT)
    upper.set_ylabel("spins s")
    width = 0.8 / max(len(fields), 1)
    handles = [
        lower.bar(sites - 0.4 + (index + 0.5) * width, each, 0.9 * width, color=look(index)["color"])
        for index, each in enumerate(fields.values())
    ]
    for axes in (upper, lower):
        axes.axhline(0.0, color=INK, linewidth=0.8)
        axes.grid(visible=False, axis="x")
    lower.set_ylabel("effective fields −∂E/∂s")
    lower.set_xlabel("site i")
    lower.set_xticks(sites if len(sites) <= 30 else sites[:: len(sites) // 15])
    if fields:
        figure.legend(handles, list(fields), loc="outside lower center", ncols=len(fields))
    _note(figure, fields)
    rows = [
        [int(site), float(spin), *(float(each[site - 1]) for each in fields.values())]
        for site, spin in zip(sites, configuration, strict=True)
    ]
    return save(figure, stem, ["site", "spin", *fields], rows)


def _note(figure: Any, fields: Mapping[str, Array]) -> None:
    """How far two fields differ, above the panels."""
    difference = relative_difference(fields)
    if difference is not None:
        first, second = fields
        text = f"rms |h({second}) - h({first})| / rms |h({first})| = {difference:.2g}"
        figure.suptitle(text, fontsize=NOTE, color=INK)
