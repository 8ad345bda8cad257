"""Check that tables of the documents say what the committed files say."""

import csv

import pytest
from fences import ROOT

TITLES = {"EFNN": "efnn", "DNN": "dnn", "ResNet": "resnet", "DenseNet": "densenet", "effective model": "effective"}
FAIR = [
    ("fair/double_exchange", "relative_error_test"),
    ("fair/double_exchange", "relative_error_L40"),
    ("fair/three_spin", "relative_error_test"),
    ("fair/infinite_range", "rmse_over_std_test"),
    ("fair/heisenberg_lattice", "rmse_over_std_test"),
]
DEMO = [
    ("comparison", column) for column in ("parameters", *(f"relative_error_{k}" for k in ("test", "L10", "L20", "L40")))
]


def means(name):
    with (ROOT / "docs" / f"{name}.csv").open() as file:
        return {row["model"]: row for row in csv.DictReader(file)}


def table(page, heading):
    """Cells of the first table below a heading, by the title of the row."""
    section = (ROOT / page).read_text().partition(f"\n## {heading}\n")[2].partition("\n|")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in section.splitlines()[2:]]
    return {row[0]: row[1:] for row in rows}


@pytest.mark.parametrize(
    ("page", "heading", "columns", "filled"),
    [("docs/results.md", "Networks of equal size", FAIR, 23), ("README.md", "Results", DEMO, 25)],
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
            mean, _, spread = cell.partition(" ± ")
            assert float(mean.replace(" ", "")) == pytest.approx(float(row[column]), rel=0.06)
            if f"{column}_spread" in row:
                assert float(spread or 0) == pytest.approx(float(row[f"{column}_spread"] or 0), rel=0.06)
            compared += 1
    assert compared == filled


@pytest.mark.parametrize("name", sorted({name for name, _ in FAIR}))
def test_networks_were_compared_on_equal_terms(name):
    trained = [row for model, row in means(name).items() if model != "effective"]
    assert [row["seeds"] for row in trained] == ["3"] * 4
    assert len({row["epochs"] for row in trained}) == 1
    sizes = [int(row["parameters"]) for row in trained]
    assert max(sizes) / min(sizes) < 1.1
