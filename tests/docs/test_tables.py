"""Tables of the documents and the committed report say what the committed files say."""

import csv
import re
import statistics

import pytest
from fences import ROOT

from efnn_cli.config.words import Request
from efnn_cli.core.numbers import with_error
from efnn_cli.studies.paper_presets import choose
from efnn_cli.training.metrics import error_text

TITLES = {"EFNN": "efnn", "DNN": "dnn", "ResNet": "resnet", "DenseNet": "densenet", "effective model": "effective"}
FAIR = [
    ("fair/double_exchange", "relative_error_test"),
    ("fair/double_exchange", "relative_error_L40"),
    ("fair/three_spin", "relative_error_test"),
    ("fair/infinite_range", "rmse_over_std_test"),
    ("fair/heisenberg_lattice", "rmse_over_std_test"),
]
DEMO = [("comparison", column) for column in ("parameters", *(f"relative_error_{k}" for k in ("test", "L20", "L40")))]


def means(name):
    with (ROOT / "docs" / f"{name}.csv").open() as file:
        return {row["model"]: row for row in csv.DictReader(file)}


def table(page, heading, part=""):
    """Cells of the first table below a heading and a `part` of it, by the title of the row."""
    section = (
        (ROOT / page)
        .read_text()
        .partition(f"\n## {heading}\n")[2]
        .partition(part or "\n")[2]
        .partition("\n|")[2]
        .partition("\n\n")[0]
    )
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in section.splitlines()[2:]]
    return {row[0]: row[1:] for row in rows}


@pytest.mark.parametrize(
    ("page", "heading", "columns", "filled"),
    [("docs/results.md", "Networks of equal size", FAIR, 23), ("README.md", "Results", DEMO, 20)],
)
def test_a_table_says_what_the_files_say(page, heading, columns, filled):
    shown = table(page, heading)
    assert list(shown) == list(TITLES)
    compared = 0
    for title, cells in shown.items():
        for cell, (name, column) in zip(cells, columns, strict=True):
            row = means(name).get(TITLES[title])
            assert bool(cell) == (row is not None), (title, name)
            if row is None:
                continue
            value = float(row[column])
            if column == "parameters":
                assert int(cell.replace(" ", "")) == value
            elif name == "comparison":
                assert cell == error_text("relative_error", value, 800 if column.endswith("test") else 64)
            else:
                assert cell == with_error(value, float(row[f"{column}_spread"] or 0))
            compared += 1
    assert compared == filled


def test_the_errors_against_l_are_those_of_one_file():
    with (ROOT / "docs/extrapolation.csv").open() as file:
        rows = list(csv.DictReader(file))
    shown = table("README.md", "Results", "### What the fall")
    for label, column in (
        ("relative error", "relative_error"), ("RMSE per site / t", "rmse_per_site"), ("RMSE / std", "rmse_over_std"),
    ):  # fmt: skip
        wanted = [error_text(column, float(row[column]), int(row["samples"])) for row in rows]
        assert shown[label] == wanted[:5], label
        name = f"EFNN, {label}"
        there = table("docs/results.md", "Extrapolation")
        assert there.get(name, wanted) == wanted, name


@pytest.mark.parametrize("name", sorted({name for name, _ in FAIR}))
def test_networks_were_compared_on_equal_terms(name):
    trained = [row for model, row in means(name).items() if model != "effective"]
    assert [row["seeds"] for row in trained] == ["3"] * 4
    assert len({row["epochs"] for row in trained}) == 1
    sizes = [int(row["parameters"]) for row in trained]
    assert max(sizes) / min(sizes) < 1.1


RESULTS = ROOT / "docs" / "results"
REPORT = RESULTS / "report.md"


def rows_of(name: str) -> list[dict[str, str]]:
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
    for row in rows_of("runs.csv"):
        key = tuple(row[name] for name in ("experiment", "sweep", "model", "depth", "width", "choice"))
        groups.setdefault(key, []).append(row)
    assert len(groups) > 100
    for key, rows in groups.items():
        assert len({row["seed"] for row in rows}) == len(rows), key
        quantity = "test_rmse" if key[0] == "infinite_range" else "test_relative_error"
        assert with_spread([float(row[quantity]) for row in rows]) in shown, key


def test_every_published_figure_stands_there_with_its_agreement():
    text = REPORT.read_text()
    section = text.partition("## Published figures and ours")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    _, every = choose((), Request(("scale=laptop",), {"device": "cpu"}))
    assert len(lines) == sum(len(each.preset.published) for each in every)
    assert all(re.search("met|missed", line) for line in lines), lines


@pytest.mark.parametrize("suffix", [".svg", ".csv"])
def test_pictures_have_their_data_beside_them(suffix: str):
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", REPORT.read_text())
    assert len(pictures) >= 8
    for name in pictures:
        assert (RESULTS / name).with_suffix(suffix).exists(), name
