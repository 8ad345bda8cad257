"""The committed report in docs/results says what the committed tables say, with every published figure in it."""

from __future__ import annotations

import csv
import re
import statistics
from pathlib import Path

import pytest

from efnn_cli.config.words import Request
from efnn_cli.studies.paper_presets import choose

RESULTS = Path(__file__).parent.parent / "docs" / "results"
REPORT = RESULTS / "report.md"


def table(name: str) -> list[dict[str, str]]:
    with (RESULTS / name).open() as file:
        return list(csv.DictReader(file))


def cells(text: str) -> set[str]:
    """Every cell of every table, without emphasis and signs."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return {re.sub(r"[*✓✗]|\\", "", cell).strip() for line in lines for cell in line.strip("|").split("|")}


def with_spread(values: list[float]) -> str:
    """As the report writes a mean: by hand, since its own function is what is judged."""
    mean = statistics.fmean(values)
    return f"{mean:.2e}" if len(values) == 1 else f"{mean:.2e} ± {statistics.stdev(values):.0e}"


def test_means_and_spreads_are_those_of_the_runs():
    shown = cells(REPORT.read_text())
    groups: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for row in table("runs.csv"):
        key = tuple(row[name] for name in ("experiment", "sweep", "model", "depth", "width", "choice"))
        groups.setdefault(key, []).append(row)
    assert len(groups) > 100
    for key, rows in groups.items():
        assert len({row["seed"] for row in rows}) == len(rows), key
        quantity = "test_rmse" if key[0] == "infinite_range" else "test_relative_error"
        assert with_spread([float(row[quantity]) for row in rows]) in shown, key


def test_every_published_figure_stands_there_with_a_verdict():
    text = REPORT.read_text()
    section = text.partition("## Published figures and ours")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    _, every = choose((), Request(("scale=laptop",), {"device": "cpu"}))
    (wanted,) = [each.preset.published.dense_seconds for each in every if each.name == "double_exchange"]
    assert len(lines) == 3 + 1 + 4 + len(wanted)
    for line in lines:
        assert re.search(r"(met|missed)", line), line
    for size in wanted:
        assert f"L = {size}: exact diagonalisation" in section


@pytest.mark.parametrize("suffix", [".svg", ".csv"])
def test_pictures_have_their_data_beside_them(suffix: str):
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", REPORT.read_text())
    assert len(pictures) >= 8
    for name in pictures:
        assert (RESULTS / name).with_suffix(suffix).exists(), name
