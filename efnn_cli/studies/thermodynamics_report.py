"""The report of a scan of the temperature: a table of every point, and figures with error bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from efnn_cli import figures
from efnn_cli.core.numbers import number, with_error
from efnn_cli.core.results import Result, shown
from efnn_cli.core.table import Table
from efnn_cli.figures import Curve
from efnn_cli.report import Figure, render_markdown
from efnn_cli.report import Table as Page
from efnn_cli.storage import atomic

OBSERVABLES = {
    "energy": "grand potential per site",
    "m": "magnetisation",
    "specific_heat": "specific heat per site",
    "correlation_length": "correlation length (sites)",
}
MERIT = {"acceptance": "acceptance", "tau_proposals": "autocorrelation time (proposals)"}
HEAD = (
    "T",
    "L",
    "Omega / site",
    "u / site",
    "m",
    "C / site",
    "xi",
    "acceptance",
    "predicted",
    "tau",
    "R-hat",
    "labels",
    "s",
)
COLUMNS = ("energy", "u", "m", "specific_heat", "correlation_length")

Rows = Sequence[Mapping[str, Any]]


def report(rows: Rows, folder: Path, unit: str) -> Result:
    """Write CSV, figures and Markdown of the points; return them."""
    atomic.make_folder(folder)
    csv = folder / "thermodynamics.csv"
    names = [*COLUMNS, "m2", "susceptibility", "binder", "density", "chirality", "charge2"]
    head = ["T", "L", *(f"{name}{part}" for name in names for part in ("", "_error"))]
    merit = (
        "acceptance",
        "predicted_acceptance",
        "tau_proposals",
        "r_hat",
        "effective_samples",
        "exact_labels",
        "seconds",
    )
    lines = [[row["T"], row["L"], *_cells(row, names), *(row[name] for name in merit)] for row in rows]
    atomic.write_csv(csv, [[*head, *merit], *lines])
    drawn = figures.scan(_panels(rows, OBSERVABLES), folder / "observables", unit=unit)
    merits = figures.scan(_panels(rows, MERIT), folder / "merit", unit="")
    table = [_told(row) for row in rows]
    text = render_markdown(
        "scan.md",
        table=Page("Every point, with the errors of the last digits in brackets.", HEAD, table),
        pictures=[
            Figure(drawn.name, "Observables against the temperature.", "curves of every size against T"),
            Figure(merits.name, "How well the networks propose.", "acceptance and autocorrelation time against T"),
        ],
    )
    page = folder / "report.md"
    atomic.write_text(page, text)
    outputs = {"report": page, "table": csv, "figure": drawn, "merit": merits}
    metrics = {"points": [dict(row) for row in rows]}
    return Result(
        "reproduce", metrics, {name: shown(each) for name, each in outputs.items()}, tables=[Table(HEAD, table)]
    )


def _cells(row: Mapping[str, Any], names: Sequence[str]) -> list[float | None]:
    """Return mean and error of the observables of one point, None where there are none."""
    found = [row["observables"].get(name, {"mean": None, "error": None}) for name in names]
    return [each[part] for each in found for part in ("mean", "error")]


def _told(row: Mapping[str, Any]) -> list[str]:
    """Return the cells of one point for people."""
    found = [row["observables"].get(name) for name in COLUMNS]
    texts = ["-" if each is None or each["mean"] is None else with_error(each["mean"], each["error"]) for each in found]
    merit = [row[name] for name in ("acceptance", "predicted_acceptance", "tau_proposals", "r_hat")]
    return [
        f"{row['T']:g}", str(row["L"]), *texts, *(number(each, 3) for each in merit), str(row["exact_labels"]),
        f"{row['seconds']:.0f}",
    ]  # fmt: skip


def _panels(rows: Rows, names: Mapping[str, str]) -> dict[str, list[Curve]]:
    """Return a panel for every quantity, with a curve for every size."""
    sizes = sorted({row["L"] for row in rows})
    panels = {}
    for name, title in names.items():
        curves = []
        for size in sizes:
            points = []
            for row in rows:
                found = row["observables"].get(name) or {"mean": row.get(name), "error": None}
                if row["L"] == size and found["mean"] is not None:
                    points.append((row["T"], found["mean"], found["error"]))
            if points:
                curves.append(Curve(f"L = {size}", points))
        panels[title] = curves
    return panels
