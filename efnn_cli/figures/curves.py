"""Errors with logarithmic axes: against the number of parameters, or anything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from efnn_cli.core.numbers import number
from efnn_cli.figures.style import (
    FAINT,
    Row,
    legend_below,
    logarithmic,
    looks,
    save,
    sheet,
    styled,
    ticks_at,
)

ROUND_OFF = 1e-9  # of the largest error: what lies below is exact but for rounding, and would flatten the rest


@dataclass(frozen=True)
class Curve:
    """One line of a figure. Lines of one network have one colour and marker."""

    name: str
    points: Sequence[tuple[float, float, float | None]]
    """(x, y, standard error of y); no bar where that is None."""
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
    return save(figure, stem, ("panel", "curve", x_label, y_label, "error_bar"), rows)


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
    return save(figure, stem, ("curve", "parameters", y_label, "error_bar"), rows)


def table_of(curves: Sequence[Curve]) -> list[Row]:
    """Return (name, x, y, error bar) of every point, for the CSV."""
    return [(curve.name, *point) for curve in curves for point in curve.points]


def draw_errors(axes: Any, curves: Sequence[Curve], shared: Sequence[Curve] = ()) -> dict[str, Any]:
    """Draw `curves` on logarithmic axes and return their handles by name.

    Colours, markers and the range of y are those of all `shared` curves. A bar with the standard error s reaches from
    y / (1 + s / y) to y (1 + s / y): symmetric on this axis, and never to zero. A curve of rounding errors lies on the
    lower edge, and its name tells its value.
    """
    logarithmic(axes.xaxis, axes.yaxis)
    shared = shared or curves
    look_of = looks(curve.network or curve.name for curve in shared)
    least = smallest_shown(shared)
    handles = {}
    for curve in curves:
        look = look_of[curve.network or curve.name] | ({"marker": "", "linestyle": "--"} if curve.dashed else {})
        largest = max((y for _, y, _ in curve.points), default=0.0)
        if largest < least:
            (line,) = axes.plot(
                [x for x, *_ in curve.points], [0.0] * len(curve.points), clip_on=False,
                transform=axes.get_xaxis_transform(), **look,
            )  # fmt: skip
            handles[below(curve.name, largest)] = line
        else:
            x, y, bars = zip(*curve.points, strict=True)
            lower = [value * bar / (value + bar) if bar else 0.0 for value, bar in zip(y, bars, strict=True)]
            handles[curve.name] = draw_bars(axes, x, y, (lower, [bar or 0.0 for bar in bars]), **look)
    points = [(y, bar or 0.0) for curve in shared for _, y, bar in curve.points if y >= least]
    if points:
        axes.set_ylim(min(y**2 / (y + bar) for y, bar in points) / 1.5, max(y + bar for y, bar in points) * 1.5)
    return handles


def smallest_shown(curves: Sequence[Curve]) -> float:
    """Return the error below which a curve is one of rounding errors."""
    return ROUND_OFF * max((y for curve in curves for _, y, _ in curve.points), default=0.0)


def below(name: str, value: float) -> str:
    """Return the name of what lies below the axis."""
    return f"{name}: {number(value, 1)}, below"


def draw_bars(axes: Any, x: Sequence[float], y: Sequence[float], lengths: Any, **look: str) -> Any:
    """Draw a line with error bars of these lengths, down and up, where there are any."""
    drawn = lengths if any(any(each) for each in lengths) else None
    return axes.errorbar(x, y, drawn, capsize=2.5, elinewidth=1.0, **look)


def _one_panel(curves: Sequence[Curve], levels: Mapping[str, float], y_label: str) -> tuple[Any, Any]:
    """Return figure and axes with all curves and levels, their names below where there are several."""
    figure = sheet(5.2, 3.7)
    axes = figure.subplots()
    flat = [Curve(name, [(1.0, level, None)]) for name, level in levels.items()]
    handles = draw_errors(axes, curves, [*curves, *flat])
    least = smallest_shown([*curves, *flat])
    for name, level in levels.items():
        line = axes.axhline(max(level, least), color=FAINT, linestyle="--", linewidth=1.0)
        handles[name if level >= least else below(name, level)] = line
    if len(handles) > 1:
        legend_below(figure, list(handles.values()), list(handles))
    axes.set_ylabel(y_label)
    return figure, axes
