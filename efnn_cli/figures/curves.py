"""Errors with logarithmic axes: against the size of the lattice, the number of parameters, or anything else."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from efnn_cli.figures.style import (
    FAINT,
    NOTE,
    Row,
    legend_below,
    logarithmic,
    looks,
    power_of_ten,
    save,
    sheet,
    styled,
    ticks_at,
)

SIDE = "side of the lattice L"


@dataclass(frozen=True)
class Curve:
    """One line of a figure. Lines of one network have one colour and marker."""

    name: str
    points: Sequence[tuple[float, float, float | None]]
    """(x, y, half length of the error bar); no bar where that is None."""
    network: str = ""
    """The name of the curve by default."""
    dashed: bool = False


@styled()
def error_against(panels: Mapping[str, Sequence[Curve]], x_label: str, y_label: str, stem: Path) -> Path:
    """Draw errors log-log in one to three panels with one y axis and one legend; return the path of the PNG."""
    figure = sheet(5.2 if len(panels) == 1 else 2.3 * len(panels) + 0.7, 3.7)
    every = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    shared = [curve for curves in panels.values() for curve in curves]
    handles: dict[str, Any] = {}
    for axes, (title, curves) in zip(every, panels.items(), strict=True):
        handles |= draw_errors(axes, curves, shared)
        ticks_at(axes, (x for curve in curves for x, *_ in curve.points))
        axes.set_title(title if len(panels) > 1 else "")
        axes.set_xlabel(x_label)
    every[0].set_ylabel(y_label)
    legend_below(figure, list(handles.values()), list(handles))
    rows = [(title, *row) for title, curves in panels.items() for row in table_of(curves)]
    return save(figure, stem, ("panel", "curve", x_label, y_label, "spread"), rows)


@styled()
def error_against_size(
    curves: Sequence[Curve], y_label: str, trained_at: float, stem: Path, *, table: bool = True
) -> Path:
    """Draw errors against L log-log, the training size marked; return the path of the PNG.

    Without `table` no CSV is written: STEM.csv belongs to the caller.
    """
    figure, axes = _one_panel(curves, {}, y_label)
    mark_sizes(axes, curves, trained_at)
    return save(figure, stem, ("curve", "L", y_label, "spread") if table else None, table_of(curves))


@styled()
def error_against_parameters(
    curves: Sequence[Curve], levels: Mapping[str, float], y_label: str, wanted: Sequence[int], stem: Path
) -> Path:
    """Draw errors against the number of parameters, log-log, with ticks at the `wanted` numbers.

    `levels` are errors of models that have one size only. Returns the path of the PNG.
    """
    figure, axes = _one_panel(curves, levels, y_label)
    ticks_at(axes, wanted)
    axes.set_xlabel("number of parameters")
    rows = [*table_of(curves), *((name, None, level, None) for name, level in levels.items())]
    return save(figure, stem, ("curve", "parameters", y_label, "spread"), rows)


@styled()
def error_and_bias(
    errors: Sequence[Curve], biases: Sequence[Curve], trained_at: float, y_label: str, stem: Path
) -> Path:
    """Draw errors against L, log-log, beside the bias per site against L; return the path of the PNG.

    Both have the same curves at the same sizes. Biases are mean(E_pred - E_true) / sites, in the unit of the energy.
    """
    figure = sheet(7.2, 3.7)
    left, right = figure.subplots(1, 2)
    handles = draw_errors(left, errors)
    left.set_ylabel(y_label)
    logarithmic(right.xaxis)
    right.axhline(0.0, color=FAINT, linewidth=1.0)
    largest = max(abs(y) for curve in biases for _, y, _ in curve.points)
    power = math.floor(math.log10(largest)) if largest > 0 else 0
    power = power if abs(power) > 1 else 0
    for curve, look in zip(biases, looks(curve.name for curve in biases).values(), strict=True):
        _draw(right, [(x, y / 10.0**power, (bar or 0.0) / 10.0**power) for x, y, bar in curve.points], **look)
    right.set_ylabel("bias per site" + (f" ({power_of_ten(power)})" if power else ""))
    for axes in (left, right):
        mark_sizes(axes, errors, trained_at)
    legend_below(figure, list(handles.values()), list(handles))
    head = ("series", "L", y_label, "spread", "bias_per_site", "bias_spread")
    rows = [(*row, *bias[2:]) for row, bias in zip(table_of(errors), table_of(biases), strict=True)]
    return save(figure, stem, head, rows)


def table_of(curves: Sequence[Curve]) -> list[Row]:
    """Return (name, x, y, spread) of every point, for the CSV."""
    return [(curve.name, *point) for curve in curves for point in curve.points]


def draw_errors(axes: Any, curves: Sequence[Curve], shared: Sequence[Curve] = ()) -> dict[str, Any]:
    """Draw `curves` on logarithmic axes and return their handles by name.

    Colours, markers and the range of y are those of all `shared` curves. A bar that would reach zero ends at the edge.
    """
    logarithmic(axes.xaxis, axes.yaxis)
    shared = shared or curves
    look_of = looks(curve.network or curve.name for curve in shared)
    handles = {}
    for curve in curves:
        look = look_of[curve.network or curve.name] | ({"marker": "", "linestyle": "--"} if curve.dashed else {})
        handles[curve.name] = _draw(axes, curve.points, **look)
    points = [(y, bar or 0.0) for curve in shared for _, y, bar in curve.points]
    ends = [end for y, bar in points for end in (max(y - bar, 0.5 * y), y + bar)]
    if ends:
        axes.set_ylim(min(ends) / 1.5, max(ends) * 1.5)
    return handles


def mark_sizes(axes: Any, curves: Sequence[Curve], trained_at: float) -> None:
    """Label the x axis with L; mark the training size by a dotted line, named above the axes."""
    axes.axvline(trained_at, color=FAINT, linestyle=":", linewidth=1.0)
    axes.annotate(
        "trained here", (trained_at, 1.0), xycoords=("data", "axes fraction"),
        xytext=(0, 3), textcoords="offset points", ha="center", va="bottom", fontsize=NOTE, color=FAINT,
    )  # fmt: skip
    ticks_at(axes, [x for curve in curves for x, *_ in curve.points] + [trained_at])
    axes.set_xlabel(SIDE)


def _draw(axes: Any, points: Sequence[tuple[float, float, float | None]], **look: str) -> Any:
    x, y, bars = zip(*points, strict=True)
    lengths = [bar or 0.0 for bar in bars] if any(bars) else None
    return axes.errorbar(x, y, lengths, capsize=2.5, elinewidth=1.0, **look)


def _one_panel(curves: Sequence[Curve], levels: Mapping[str, float], y_label: str) -> tuple[Any, Any]:
    """Return figure and axes with all curves and levels, their names below where there are several."""
    figure = sheet(5.2, 3.7)
    axes = figure.subplots()
    flat = [Curve(name, [(1.0, level, None)]) for name, level in levels.items()]
    handles = draw_errors(axes, curves, [*curves, *flat])
    for name, level in levels.items():
        handles[name] = axes.axhline(level, color=FAINT, linestyle="--", linewidth=1.0)
    if len(handles) > 1:
        legend_below(figure, list(handles.values()), list(handles))
    axes.set_ylabel(y_label)
    return figure, axes
