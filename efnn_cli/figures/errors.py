"""Errors against width, parameters, training configurations or L: logarithmic axes, a line a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from efnn_cli.figures.drawing import (
    FAINT,
    INK,
    colour,
    legend_below,
    logarithmic,
    marker,
    named_rows,
    new_figure,
    save,
    ticks_at,
)


@dataclass(frozen=True)
class Curve:
    """One line of a figure with logarithmic axes."""

    name: str
    points: Sequence[tuple[float, float]]
    """(x, y), all above zero."""
    spread: Sequence[float | None] = ()
    """Half lengths of error bars, one a point; None or nothing: no bar."""
    style: int = 0
    """Colour and marker."""
    dashed: bool = False

    @property
    def bars(self) -> list[float]:
        """One half length a point."""
        return [bar or 0.0 for bar in self.spread] or [0.0] * len(self.points)


def error_against(panels: Mapping[str, Sequence[Curve]], x_label: str, y_label: str, stem: Path) -> Path:
    """A panel a key, side by side with one y axis; returns the path of the PNG."""
    count = len(panels)
    figure, axes = new_figure(max(2.6 * count + 0.6, 5.0), 3.6, 1, count, sharey=True)
    for each, (title, curves) in zip(axes[0], panels.items(), strict=True):
        draw_curves(each, curves)
        if count > 1:
            each.set_title(title)
        ticks_at(each, [x for curve in curves for x, _ in curve.points], room=9 if count == 1 else 5)
        each.set_xlabel(x_label)
    axes[0][0].set_ylabel(y_label)
    _limits(axes[0][0], [curve for curves in panels.values() for curve in curves], ())
    legend_below(figure, axes, list(dict.fromkeys(curve.name for curves in panels.values() for curve in curves)))
    return save(figure, stem, ("panel", *HEAD), named_rows({title: _rows(curves) for title, curves in panels.items()}))


def error_against_size(curves: Sequence[Curve], quantity: str, trained_at: int, stem: Path) -> Path:
    """Error against L, one line per sampling or network, the training size marked; returns the path of the PNG."""
    figure, axes = new_figure(5.0, 3.9)
    here = axes[0][0]
    draw_curves(here, curves)
    mark_training(here, trained_at)
    ticks_at(here, [trained_at, *(size for curve in curves for size, _ in curve.points)])
    here.set_xlabel("side of the lattice L")
    here.set_ylabel(quantity)
    _limits(here, curves, ())
    legend_below(figure, axes, [curve.name for curve in curves], columns=2)
    return save(figure, stem, HEAD, _rows(curves))


def error_against_parameters(
    curves: Sequence[Curve], levels: Mapping[str, float], quantity: str, wanted: Sequence[int], stem: Path
) -> Path:
    """Error against the number of parameters, one line a network, the `wanted` numbers as ticks.

    `levels` are errors of models that have one size only.
    """
    figure, axes = new_figure(5.0, 3.9)
    here = axes[0][0]
    draw_curves(here, curves)
    for name, level in levels.items():
        here.axhline(level, color=FAINT, linestyle="--", linewidth=1.0, label=name)
    ticks_at(here, wanted)
    here.set_xlabel("number of parameters")
    here.set_ylabel(quantity)
    _limits(here, curves, list(levels.values()))
    legend_below(figure, axes, [*(curve.name for curve in curves), *levels], columns=2)
    return save(figure, stem, HEAD, [*_rows(curves), *((name, "", level, "") for name, level in levels.items())])


HEAD = ("name", "x", "y", "spread")


def _rows(curves: Sequence[Curve]) -> list[tuple[object, ...]]:
    return [
        (curve.name, x, y, bar or "") for curve in curves for (x, y), bar in zip(curve.points, curve.bars, strict=True)
    ]


def draw_curves(axes: Any, curves: Sequence[Curve]) -> None:
    """All curves on logarithmic axes."""
    logarithmic(axes)
    for curve in curves:
        axes.errorbar(
            [x for x, _ in curve.points], [y for _, y in curve.points], curve.bars if any(curve.bars) else None,
            label=curve.name, color=colour(curve.style), marker=None if curve.dashed else marker(curve.style),
            linestyle="--" if curve.dashed else "-", capsize=3, elinewidth=1.0,
        )  # fmt: skip


def mark_training(axes: Any, trained_at: int) -> None:
    """A line at the size of the training configurations."""
    axes.axvline(trained_at, color=FAINT, linestyle=":", linewidth=1.0)
    axes.annotate(
        "trained here", (trained_at, 1.0), xycoords=("data", "axes fraction"), xytext=(2, 3),
        textcoords="offset points", ha="center", va="bottom", fontsize=8, color=INK, annotation_clip=False,
    )  # fmt: skip


def _limits(axes: Any, curves: Sequence[Curve], levels: Sequence[float]) -> None:
    """The y axis from the data; a bar that would reach zero does not stretch it."""
    seen = list(levels)
    for curve in curves:
        for (_, y), bar in zip(curve.points, curve.bars, strict=True):
            seen += [y, y + bar, max(y - bar, 0.5 * y)]
    if seen:
        axes.set_ylim(min(seen) / 1.6, max(seen) * 1.6)
