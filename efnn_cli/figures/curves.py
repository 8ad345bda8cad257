"""Errors with logarithmic axes: against the lattice, the number of parameters, or anything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from efnn_cli.figures.style import FAINT, NOTE, Row, below, limits, logarithmic, look, save, sheet, styled, ticks_at


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
        """Half lengths of the error bars, zero where there is none."""
        return [bar or 0.0 for bar in self.spread] or [0.0] * len(self.points)

    def rows(self) -> list[Row]:
        """Name, x, y, spread of every point, as they go into the CSV."""
        spread = list(self.spread) or [None] * len(self.points)
        return [(self.name, x, y, bar) for (x, y), bar in zip(self.points, spread, strict=True)]


@styled()
def error_against(panels: Mapping[str, Sequence[Curve]], x_label: str, y_label: str, stem: Path) -> Path:
    """Errors against anything, log-log, one to three panels side by side with one y axis; returns the path of the PNG.

    Curves of one name must have one style: they share an entry of the legend.
    """
    figure = sheet(5.2 if len(panels) == 1 else 2.3 * len(panels) + 0.7, 3.7)
    every = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    seen: dict[str, Any] = {}
    values: list[float] = []
    for axes, (title, curves) in zip(every, panels.items(), strict=True):
        values += draw_curves(axes, curves, seen)
        ticks_at(axes, [x for curve in curves for x, _ in curve.points])
        axes.set_title(title if len(panels) > 1 else "")
        axes.set_xlabel(x_label)
    every[0].set_ylabel(y_label)
    if values:
        every[0].set_ylim(limits(values))
    if seen:
        below(figure, list(seen.values()), list(seen))
    rows = [(title, *row) for title, curves in panels.items() for curve in curves for row in curve.rows()]
    return save(figure, stem, ("panel", "curve", x_label, y_label, "spread"), rows)


@styled()
def error_against_size(
    curves: Sequence[Curve], quantity: str, trained_at: int, stem: Path, *, table: bool = True
) -> Path:
    """Error against L, one line per sampling or network, the training size marked; returns the path of the PNG.

    Without `table` no CSV is written: STEM.csv is the caller's own.
    """
    figure, axes = _one_panel(curves, {}, quantity)
    mark_training(axes, trained_at)
    ticks_at(axes, [size for curve in curves for size, _ in curve.points] + [trained_at])
    axes.set_xlabel("side of the lattice L")
    head = ("curve", "L", quantity, "spread") if table else None
    return save(figure, stem, head, [row for curve in curves for row in curve.rows()])


@styled()
def error_against_parameters(
    curves: Sequence[Curve], levels: Mapping[str, float], quantity: str, wanted: Sequence[int], stem: Path
) -> Path:
    """Error against the number of parameters, one line a network, the `wanted` numbers as ticks.

    `levels` are errors of models that have one size only.
    """
    figure, axes = _one_panel(curves, levels, quantity)
    ticks_at(axes, wanted)
    axes.set_xlabel("number of parameters")
    rows = [row for curve in curves for row in curve.rows()] + [(name, None, y, None) for name, y in levels.items()]
    return save(figure, stem, ("curve", "parameters", quantity, "spread"), rows)


def mark_training(axes: Any, trained_at: int) -> None:
    """A dotted line at the training size, named above the axes."""
    axes.axvline(trained_at, color=FAINT, linestyle=":", linewidth=1.0)
    axes.annotate(
        "trained here", (trained_at, 1.0), xycoords=("data", "axes fraction"),
        xytext=(0, 3), textcoords="offset points", ha="center", va="bottom", fontsize=NOTE, color=FAINT,
    )  # fmt: skip


def _one_panel(curves: Sequence[Curve], levels: Mapping[str, float], quantity: str) -> tuple[Any, Any]:
    """Figure and axes with all curves and levels, their names below where there are several."""
    figure = sheet(5.2, 3.7)
    axes = figure.subplots()
    seen: dict[str, Any] = {}
    values = [*draw_curves(axes, curves, seen), *levels.values()]
    for name, level in levels.items():
        seen[name] = axes.axhline(level, color=FAINT, linestyle="--", linewidth=1.0)
    if values:
        axes.set_ylim(limits(values))
    if len(seen) > 1:
        below(figure, list(seen.values()), list(seen))
    axes.set_ylabel(quantity)
    return figure, axes


def draw_curves(axes: Any, curves: Sequence[Curve], seen: dict[str, Any]) -> list[float]:
    """Put `curves` on logarithmic axes, their handles by name into `seen`; returns all y that must be in view.

    A bar that would reach zero ends at the lower edge.
    """
    logarithmic(axes.xaxis)
    logarithmic(axes.yaxis)
    values = []
    for curve in curves:
        style = look(curve.style) | ({"marker": ""} if curve.dashed else {})
        handle = axes.errorbar(
            [x for x, _ in curve.points], [y for _, y in curve.points], curve.bars if any(curve.bars) else None,
            linestyle="--" if curve.dashed else "-", capsize=2.5, elinewidth=1.0, **style,
        )  # fmt: skip
        seen.setdefault(curve.name, handle)
        for (_, y), bar in zip(curve.points, curve.bars, strict=True):
            values += [y, y + bar, max(y - bar, 0.5 * y)]
    return values
