"""The report of a study of datasets: a table of every case and test set, and the errors in a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from efnn_cli import figures
from efnn_cli.core.numbers import number
from efnn_cli.core.results import Result, shown
from efnn_cli.core.table import Table
from efnn_cli.figures import Curve
from efnn_cli.figures.style import in_unit
from efnn_cli.report import Figure, render_markdown
from efnn_cli.report import Table as Page
from efnn_cli.storage import atomic

HEAD = ("trained on", "test", "labels", "parameters", "s labels", "s training", "RMSE", "bias", "fields")
X = {"temperature": "temperature of the spins", "seconds": "seconds of labelling and training"}
CAPTIONS = {
    "temperature": "Errors on spins at a temperature.",
    "seconds": "Errors against the seconds of labelling and training.",
}

Rows = Sequence[Mapping[str, Any]]


def report(title: str, lead: str, against: str, rows: Rows, folder: Path, unit: str) -> Result:
    """Write CSV, figure against a key of `X`, and Markdown; return them."""
    csv = folder / "errors.csv"
    atomic.write_csv(csv, [tuple(rows[0]), *(tuple(row.values()) for row in rows)])
    panels = _panels(rows, against)
    figure = figures.error_against(panels, X[against], in_unit("RMSE", unit), folder / "study")
    table = [_told(row) for row in rows]
    page = folder / "report.md"
    text = render_markdown(
        "study.md",
        title=title,
        lead=lead,
        table=Page("Every case and test set.", HEAD, table),
        picture=Figure(figure.name, CAPTIONS[against], "errors of every case"),
    )
    atomic.write_text(page, text)
    outputs = {name: shown(each) for name, each in {"report": page, "table": csv, "figure": figure}.items()}
    return Result("reproduce", {"rows": [dict(row) for row in rows]}, outputs, tables=[Table(HEAD, table)])


def _told(row: Mapping[str, Any]) -> list[str]:
    fields = row["field_relative_error"]
    counts = [str(row["configurations"]), str(row["parameters"])]
    seconds = [f"{row[name]:.0f}" for name in ("label_seconds", "seconds")]
    errors = [number(row["rmse"], 3), number(row["bias"], 2), "-" if fields is None else f"{fields:.1%}"]
    return [row["case"], row["test"], *counts, *seconds, *errors]


def _panels(rows: Rows, against: str) -> dict[str, list[Curve]]:
    """Return one panel against the temperature, whose tests are temperatures; else a panel for every test set."""
    names = list(dict.fromkeys(row["case"] for row in rows))
    if against == "temperature":
        return {"": [Curve(name, _points(rows, name, lambda row: float(row["test"]))) for name in names]}
    tests = dict.fromkeys(row["test"] for row in rows)

    def curves(test: str) -> list[Curve]:
        chosen = [row for row in rows if row["test"] == test]
        return [Curve(name, _points(chosen, name, lambda row: row["label_seconds"] + row["seconds"])) for name in names]

    return {test: curves(test) for test in tests}


def _points(rows: Rows, name: str, x: Any) -> list[tuple[float, float, float | None]]:
    return sorted((x(row), row["rmse"], None) for row in rows if row["case"] == name)
