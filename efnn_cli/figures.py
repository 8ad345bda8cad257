"""Pictures, as PNG and SVG; matplotlib is imported only here, and only when something is drawn."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from efnn_cli.storage import atomic

# Okabe and Ito's palette, told apart by all kinds of colour vision, also in grey print by its markers.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
MARKERS = ("o", "s", "^", "D")


def error_against_size(
    series: Mapping[str, Sequence[tuple[int, float]]], quantity: str, trained_at: int, stem: Path
) -> Path:
    """Error against L, one line per sampling, the training size marked; returns the path of the PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.0, 3.6), layout="constrained")
    axes = figure.subplots()
    for index, (name, points) in enumerate(series.items()):
        sizes, errors = zip(*points, strict=True)
        axes.plot(sizes, errors, label=name.replace("_", " "), color=COLOURS[index % 4], marker=MARKERS[index % 4])
    axes.axvline(trained_at, color="0.6", linestyle=":", linewidth=1.0)
    axes.annotate(
        "trained here", (trained_at, 0.0), xycoords=("data", "axes fraction"),
        xytext=(4, 6), textcoords="offset points", va="bottom", rotation=90, fontsize=8, color="0.4",
    )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    every = [error for points in series.values() for _, error in points]
    if every:
        axes.set_ylim(min(every) / 1.6, max(every) * 1.6)
    ticks = sorted({size for points in series.values() for size, _ in points} | {trained_at})
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("side of the lattice L")
    axes.set_ylabel(quantity)
    axes.grid(visible=True, which="major", color="0.9", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    if len(series) > 1:
        axes.legend(frameon=False)
    for suffix in (".svg", ".png"):
        buffer = io.BytesIO()
        figure.savefig(buffer, format=suffix[1:], dpi=200)
        atomic.write_bytes(stem.with_suffix(suffix), buffer.getvalue())
    return stem.with_suffix(".png")
