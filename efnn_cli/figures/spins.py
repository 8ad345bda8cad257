"""One configuration with the effective fields on its spins."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from efnn_cli.figures.drawing import INK, colour, named_rows, new_figure, save

Array = NDArray[np.float64]

COMPONENTS = ("x", "y", "z")
MAP = "PuOr"  # orange to purple through white: told apart by all kinds of colour vision


def spins(configuration: Array, fields: Mapping[str, Array], stem: Path) -> Path:
    """Spins (3, L, L) as arrows coloured by their z component, effective fields in panels beside them.

    Of a field only the part perpendicular to its spin acts on it, and only that is drawn. Scalar spins (L,) are drawn
    as bars. Returns the path of the PNG.
    """
    if configuration.ndim == 1:
        return _scalar(configuration, fields, stem)
    acting = {name: perpendicular(field, configuration) for name, field in fields.items()}
    count = 1 + len(acting)
    figure, axes = new_figure(3.1 * count, 3.7, 1, count)
    _arrows(figure, axes[0][0], configuration, "spins", 1.0)
    reach = max((float(np.sqrt((field**2).sum(0)).max()) for field in acting.values()), default=1.0) or 1.0
    for each, (name, field) in zip(axes[0][1:], acting.items(), strict=True):
        _arrows(figure, each, field, f"effective fields, {name}", reach)
    difference = _difference(list(acting.values()))
    if difference is not None:
        axes[0][-1].set_xlabel(f"relative difference {difference:.1e}", fontsize=9)
    rows = [
        (name, row, column, *values[:, row, column].tolist())
        for name, values in {"spins": configuration, **acting}.items()
        for row, column in np.ndindex(*configuration.shape[1:])
    ]
    return save(figure, stem, ("what", "row", "column", *COMPONENTS), rows)


def perpendicular(field: Array, configuration: Array) -> Array:
    """The part (3, L, L) of the fields that is perpendicular to the spins."""
    along = (field * configuration).sum(0) / (configuration**2).sum(0)
    return np.asarray(field - along * configuration)


def _arrows(figure: Any, axes: Any, vectors: Array, title: str, reach: float) -> None:
    """In-plane parts as arrows, the z component as colour; the longest vector is as long as a bond."""
    size = vectors.shape[-1]
    rows, columns = np.mgrid[0:size, 0:size]
    drawn = axes.quiver(
        columns, rows, vectors[0], vectors[1], vectors[2], cmap=MAP, clim=(-reach, reach), pivot="middle",
        scale=1.15 * reach, scale_units="xy", angles="xy", units="xy", width=0.1, headwidth=3.2, headlength=3.6,
        headaxislength=3.2, minlength=0.0, edgecolor=INK, linewidth=0.4,
    )  # fmt: skip
    axes.set(xlim=(-0.8, size - 0.2), ylim=(-0.8, size - 0.2), aspect="equal", xticks=[], yticks=[], title=title)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    bar = figure.colorbar(drawn, ax=axes, location="bottom", fraction=0.05, pad=0.03, aspect=25)
    bar.set_label("z component", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)
    bar.locator = _few()
    bar.update_ticks()


def _few() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(4)


def _scalar(configuration: Array, fields: Mapping[str, Array], stem: Path) -> Path:
    """Bars of the spins, and of their effective fields."""
    figure, axes = new_figure(6.4, 1.6 + 1.6 * bool(fields), 1 + bool(fields), 1, sharex=True)
    sites = np.arange(len(configuration))
    axes[0][0].bar(sites, configuration, color=colour(0))
    axes[0][0].set_ylabel("spin")
    for index, (name, field) in enumerate(fields.items()):
        width = 0.8 / len(fields)
        places = sites + (index - (len(fields) - 1) / 2) * width
        axes[1][0].bar(places, field, width, color=colour(index + 1), label=name)
    if fields:
        axes[1][0].set_ylabel("effective field")
        axes[1][0].legend(frameon=False, fontsize=8, ncols=len(fields), labelcolor=INK)
        difference = _difference(list(fields.values()))
        if difference is not None:
            axes[1][0].set_title(f"relative difference {difference:.1e}", fontsize=9)
    for each in axes.flat:
        each.axhline(0.0, color=INK, linewidth=0.8)
    axes[-1][0].set_xlabel("site")
    axes[-1][0].set_xticks(sites)
    drawn = {"spins": configuration, **fields}
    rows = named_rows({name: list(enumerate(values.tolist())) for name, values in drawn.items()})
    return save(figure, stem, ("what", "site", "value"), rows)


def _difference(fields: list[Array]) -> float | None:
    """Root mean square of the difference of two fields over that of the first."""
    if len(fields) != 2:
        return None
    first, second = fields
    norm = float(np.sqrt((first**2).mean()))
    return float(np.sqrt(((second - first) ** 2).mean())) / norm if norm > 0 else None
