"""One spin configuration and the fields -dE/dS on its spins."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from efnn_cli.core.numbers import number
from efnn_cli.figures.style import FAINT, GRID, INK, NOTE, in_unit, looks, save, sheet, styled

Array = NDArray[np.float64]


def perpendicular(fields: Array, configuration: Array) -> Array:
    """Return the part of `fields` (3, L, L) across the unit vectors of `configuration`: only it turns them."""
    return np.asarray(fields - (fields * configuration).sum(axis=0) * configuration, dtype=np.float64)


def relative_difference(fields: Mapping[str, Array]) -> float | None:
    """Return rms |h_b - h_a| / rms |h_a| of two fields a, b; None unless there are two, and where a is zero."""
    if len(fields) != 2:
        return None
    first, second = fields.values()
    scale = float(np.sqrt(np.mean(first**2)))
    return float(np.sqrt(np.mean((second - first) ** 2))) / scale if scale > 0 else None


@styled()
def spins(configuration: Array, fields: Mapping[str, Array], stem: Path, *, unit: str = "") -> Path:
    """Draw a configuration beside the fields on it; return the path of the PNG.

    `configuration` and all `fields` have the shape (3, L, L) or, for scalar spins, (L,). Vectors are arrows of the x
    and y components, coloured by z; of fields only the part perpendicular to the spins is drawn. Scalars are bars.
    """
    return (_bars if configuration.ndim == 1 else _arrows)(configuration, fields, stem, unit)


def _arrows(configuration: Array, fields: Mapping[str, Array], stem: Path, unit: str) -> Path:
    """Draw spins and fields (3, L, L) in panels side by side."""
    turning = {name: perpendicular(each, configuration) for name, each in fields.items()}
    figure = sheet(2.4 * (1 + len(fields)), 3.3)
    every = figure.subplots(1, 1 + len(fields), squeeze=False)[0]
    lengths = [np.sqrt((each**2).sum(axis=0)) for each in turning.values()]
    reach = max((float(np.quantile(each, 0.9)) for each in lengths), default=0.0) or 1.0
    panels = [("spins S", configuration, 1.0, "z component of S")]
    panels += [
        (f"fields across S, {name}", each, reach, in_unit("z component of h", unit)) for name, each in turning.items()
    ]
    for axes, (title, vectors, longest, label) in zip(every, panels, strict=True):
        drawn = _quiver(axes, vectors, longest)
        axes.set_title(title, pad=14)  # above the arrow key
        key = "length 1" if vectors is configuration else in_unit(f"length {number(longest, 2)}", unit)
        axes.quiverkey(drawn, 0.12, 1.03, longest, key, labelpos="E", labelsep=0.06, fontproperties={"size": NOTE})
        figure.colorbar(drawn, ax=axes, orientation="horizontal", shrink=0.8, pad=0.02, label=label)
    _note(figure, turning)
    parts = {"S": configuration, **turning}
    head = ["x", "y", *(f"{name}_{axis}" for name in parts for axis in "xyz")]
    rows = [
        [x, y, *(float(each[axis, x, y]) for each in parts.values() for axis in range(3))]
        for x, y in np.ndindex(configuration.shape[1:])
    ]
    return save(figure, stem, head, rows)


def _quiver(axes: Any, vectors: Array, reach: float) -> Any:
    """Draw vectors (3, L, L) as arrows on the lattice; one of length `reach` is about as long as a bond."""
    x, y = np.indices(vectors.shape[1:])
    width, height = vectors.shape[1:]
    thickness = 0.045 / max(width, height) ** 0.75
    axes.grid(visible=False)
    axes.scatter(x, y, s=2.0, color=GRID, zorder=1)
    drawn = axes.quiver(
        x, y, vectors[0], vectors[1], vectors[2], cmap="cividis", clim=(-reach, reach), pivot="mid",
        angles="xy", scale_units="xy", scale=1.05 * reach, width=thickness, headwidth=4, headlength=4.5,
        headaxislength=4, minlength=0.5, zorder=2,
    )  # fmt: skip
    axes.set(xlim=(-0.8, width - 0.2), ylim=(-0.8, height - 0.2), aspect="equal", xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    return drawn


def _bars(configuration: Array, fields: Mapping[str, Array], stem: Path, unit: str) -> Path:
    """Draw scalar spins (L,) above their fields, site by site."""
    figure = sheet(5.6, 3.9)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(1, 1.7))
    sites = np.arange(1, len(configuration) + 1)
    upper.bar(sites, configuration, width=0.6, color=FAINT)
    upper.set_ylabel("spins s")
    width = 0.8 / max(len(fields), 1)
    for index, (name, look) in enumerate(looks(fields).items()):
        places = sites - 0.4 + (index + 0.5) * width
        lower.bar(places, fields[name], 0.9 * width, color=look["color"], label=name)
    for axes in (upper, lower):
        axes.axhline(0.0, color=INK, linewidth=0.8)
        axes.grid(visible=False, axis="x")
    lower.set_ylabel(in_unit("fields −∂E/∂s", unit))
    lower.set_xlabel("site i")
    lower.set_xticks(sites if len(sites) <= 30 else sites[:: len(sites) // 15])
    figure.legend(loc="outside lower center", ncols=max(len(fields), 1))
    _note(figure, fields)
    rows = zip(sites.tolist(), configuration.tolist(), *(each.tolist() for each in fields.values()), strict=True)
    return save(figure, stem, ["site", "spin", *fields], list(rows))


def _note(figure: Any, fields: Mapping[str, Array]) -> None:
    """Write the relative difference of two fields above the panels."""
    difference = relative_difference(fields)
    if difference is not None:
        first, second = fields
        text = f"rms |h({second}) - h({first})| / rms |h({first})| = {difference:.2g}"
        figure.suptitle(text, fontsize=NOTE, color=INK)
