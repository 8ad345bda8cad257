"""extrapolation.csv and its figure: one network a table, no row lost, nothing mixed."""

import contextlib
import csv
import shutil
from pathlib import Path

import pytest

from efnn_cli.evaluation.size_table import curves
from efnn_cli.storage import checkpoint

from .conftest import Workshop, begin_efnn, call, files_below, finish


def table_of(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_a_table_holds_one_network(copied: Workshop):
    """--out of two different runs: the second is refused before any work, and replaces it only on request."""
    one, other = copied.run("lattice net"), copied.run("lattice twin")
    words = ("--L", 5, "--samples", 3, "--out", "mine")
    call("extrapolate", one, *words, cwd=copied.root).done()
    before = files_below(copied.root)
    call("extrapolate", other, "--L", 7, "--samples", 3, "--out", "mine", cwd=copied.root).failed(
        6, "another run", "--overwrite"
    )
    assert files_below(copied.root) == before  # no references were labelled
    call("extrapolate", one, "--L", 7, "--samples", 3, "--out", "mine", cwd=copied.root).done()
    assert [row["L"] for row in table_of(copied.root / "mine/extrapolation.csv")] == ["5", "7"]
    call("extrapolate", other, *words, "--overwrite", cwd=copied.root).done()
    assert [row["L"] for row in table_of(copied.root / "mine/extrapolation.csv")] == ["5"]


@pytest.mark.slow
def test_side_by_side_extrapolations_lose_no_row(copied: Workshop):
    run = copied.run("lattice net")
    sizes = (4, 5, 7, 8)
    with contextlib.ExitStack() as stack:
        started = [
            stack.enter_context(begin_efnn("extrapolate", run, "--L", size, "--samples", 2, cwd=copied.root))
            for size in sizes
        ]
        for process in started:
            finish(process).done()
    assert [int(row["L"]) for row in table_of(copied.root / run / "extrapolation.csv")] == list(sizes)


def test_errors_of_earlier_weights_are_dropped(copied: Workshop):
    """A run trained anew in the same folder: its table holds the new network alone."""
    run = copied.run("lattice net")
    call("extrapolate", run, "--L", 5, "--samples", 2, cwd=copied.root).done()
    best = copied.root / run / "best.h5"
    others = checkpoint.read(copied.root / copied.run("lattice twin") / "best.h5")
    checkpoint.write(best, checkpoint.read(best).config, others.state)
    call("extrapolate", run, "--L", 7, "--samples", 2, cwd=copied.root).done()
    assert [row["L"] for row in table_of(copied.root / run / "extrapolation.csv")] == ["7"]


def test_an_ensemble_in_the_table(copied: Workshop):
    """Rows of two commands, with their spreads; the columns are empty for a single network."""
    runs = [copied.run("lattice net"), copied.run("lattice twin")]
    words = ("extrapolate", *runs, "--samples", 6, "--json")
    call(*words, "--L", 8, cwd=copied.root).done()
    made = call(*words, "--L", 5, cwd=copied.root).done().json()
    (size,) = made["metrics"]["sizes"]
    first, second = table_of(copied.root / made["outputs"]["table"])
    assert (first["L"], second["L"], first["members"]) == ("5", "8", "2")
    assert float(second["spread_per_site"]) > 0
    assert float(first["error_over_spread"]) == size["calibration"]["error_over_spread"]
    assert float(first["spread_per_site"]) == size["spread_per_site"]
    call("extrapolate", runs[0], "--L", 5, "--samples", 6, cwd=copied.root).done()
    (single,) = table_of(copied.root / runs[0] / "extrapolation.csv")
    assert list(single) == list(first)
    assert {single[key] for key in ("members", "spread_per_site", "error_over_spread", "rank_correlation")} == {""}


def test_a_table_without_spreads_is_read(copied: Workshop):
    """As it was before there were any: its rows stay, their new columns empty."""
    run = copied.run("lattice net")
    path = copied.root / run / "extrapolation.csv"
    call("extrapolate", run, "--L", 5, "--samples", 3, cwd=copied.root).done()
    (row,) = table_of(path)
    old = {key: value for key, value in row.items() if key in list(row)[: list(row).index("reference") + 1]}
    path.write_text(f"{','.join(old)}\n{','.join(old.values())}\n")
    call("extrapolate", run, "--L", 7, "--samples", 3, cwd=copied.root).done()
    first, second = table_of(path)
    later = {"coverage_wanted", "coverage_reached", "half_width", "outside"}
    assert all(first[key] == ("" if key in later else row[key]) for key in row)
    assert second["L"] == "7"


def test_curves_do_not_mix_seeds():
    """One curve a sampling and seed; where one size was measured twice, the larger number of samples counts."""
    row = {"weights": "w", "sampling": "uniform_sphere", "seed": "0", "L": "8", "samples": "4", "rmse_over_std": "0.5"}
    row |= {"spin_temperature": "", "bias_per_site": "0.0", "rmse_per_site": "0.1"}
    rows = [row, row | {"samples": "64", "rmse_over_std": "0.1"}, row | {"L": "6"}]
    assert curves(rows, "rmse_over_std") == {"uniform sphere": [(6, 0.5, 0.25), (8, 0.1, 0.1 / 8)]}
    both = curves([*rows, row | {"seed": "1"}], "rmse_over_std")
    assert both == {
        "uniform sphere, seed 0": [(6, 0.5, 0.25), (8, 0.1, 0.1 / 8)],
        "uniform sphere, seed 1": [(8, 0.5, 0.25)],
    }
    warm = curves([*rows, row | {"sampling": "thermal", "spin_temperature": "0.5"}], "rmse_over_std")
    assert list(warm) == ["uniform sphere", "thermal, T = 0.5"]


def test_reference_datasets_of_something_else_are_refused(copied: Workshop):
    """A file copied over another: the name says one lattice, the content is another one or the training data."""
    run = copied.run("hopping fit")
    words = ("extrapolate", run, "--samples", 3)
    call(*words, "--L", "4,5", cwd=copied.root).done()
    four, five = (next(copied.root.glob(f"data/references/double_exchange-L{size}-n3-*.h5")) for size in (4, 5))
    table = (copied.root / run / "extrapolation.csv").read_bytes()
    good = four.read_bytes()
    for other in (five, copied.root / copied.dataset("hopping"), copied.root / copied.dataset("lattice")):
        shutil.copy(other, four)
        call(*words, "--L", 4, cwd=copied.root).failed(6, four.name, "another job", "move it away")
        assert four.read_bytes() == other.read_bytes()
        assert (copied.root / run / "extrapolation.csv").read_bytes() == table
    four.write_bytes(good)
    call(*words, "--L", 4, cwd=copied.root).done()
