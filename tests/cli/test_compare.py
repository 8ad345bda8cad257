"""`efnn compare`: equal data and about equal parameters, choices by validation alone, nothing trained twice."""

from __future__ import annotations

import csv
import json
import signal
from pathlib import Path

import pytest

from .conftest import Workshop, begin_efnn, call, files_below, finish, wait_for

QUICK = ("epochs=2", "training.optimizer=adam")


def table(folder: Path, result: dict) -> list[dict[str, str]]:
    with (folder / result["outputs"]["table"]).open() as file:
        return list(csv.DictReader(file))


def summary(folder: Path, row: dict[str, str]) -> dict:
    return json.loads((folder / row["run"] / "summary.json").read_text())["metrics"]


def test_networks_on_a_lattice(copied: Workshop):
    """Seeds, a choice by validation, sizes; the same again trains nothing and says the same."""
    data, root = copied.dataset("lattice"), copied.root
    words = ("--data", data, "--seeds", 2, "--grid", "lr=1e-9,1e-3", "--L", "6,9", "--samples", 3, "depth=1", *QUICK)
    result = call("compare", *words, "--json", cwd=root).done().json()
    rows = {row["model"]: row for row in result["metrics"]["rows"]}
    assert list(rows) == ["efnn", "dnn", "resnet", "densenet", "effective"]
    assert rows["effective"]["parameters"] == 13
    assert rows["effective"]["spread"]["test"] is None
    assert set(rows["efnn"]["errors"]) == {"test", "L=6", "L=9"}
    assert result["metrics"]["quantity"] == "rmse_over_std"  # the mean energy is zero

    runs = table(root, result)
    assert len(runs) == 4 * 3 + 1
    for name in ("efnn", "dnn", "resnet", "densenet"):
        tried = [row for row in runs if row["model"] == name and row["seed"] == "0"]
        best = min(tried, key=lambda row: summary(root, row)["val"]["rmse"])
        assert [row["chosen"] for row in tried] == ["1" if row is best else "0" for row in tried]
        assert rows[name]["choice"] == best["choice"]
        left = next(row for row in tried if row["chosen"] == "0")
        assert left["rmse_over_std_test"] == left["rmse_over_std_L9"] == ""
        chosen = [row for row in runs if row["model"] == name and row["chosen"] == "1"]
        assert [row["seed"] for row in chosen] == ["0", "1"]
        mean = sum(summary(root, row)["test"]["rmse_over_std"] for row in chosen) / 2
        assert rows[name]["errors"]["test"] == pytest.approx(mean)
        carried = call("extrapolate", chosen[0]["run"], "--L", 9, "--samples", 3, "--json", cwd=root).done().json()
        assert float(chosen[0]["rmse_over_std_L9"]) == carried["metrics"]["sizes"][0]["rmse_over_std"]

    stamps = {path: (root / path).stat().st_mtime_ns for path in files_below(root) if path.endswith("best.h5")}
    again = call("compare", *words, "--json", cwd=root).done().json()
    assert again["metrics"] == result["metrics"]
    assert again["outputs"] == result["outputs"]
    assert {path: (root / path).stat().st_mtime_ns for path in files_below(root) if path.endswith("best.h5")} == stamps


@pytest.mark.parametrize(("name", "settings"), [("lattice", ("width=5",)), ("binary", ("width=20",))])
def test_parameters_are_about_equal(workshop: Workshop, name: str, settings: tuple[str, ...]):
    """Widths are chosen so that the numbers of parameters lie within the step from one width to the next."""
    before = files_below(workshop.root)
    plan = call("compare", "--data", workshop.dataset(name), "--dry-run", "--json", *settings, cwd=workshop.root)
    rows = {row["model"]: row for row in plan.done().json()["metrics"]["rows"]}
    assert ("effective" in rows) == (name == "lattice")
    assert f"width={rows['efnn']['width']}" == settings[0]
    wanted = rows["efnn"]["parameters"]
    for model in ("dnn", "resnet", "densenet"):
        assert abs(rows[model]["parameters"] / wanted - 1) < 0.2, rows
    assert files_below(workshop.root) == before


def test_parameters_on_request(workshop: Workshop):
    words = ("--models", "resnet,efnn", "--parameters", 3000, "--dry-run", "--json")
    plan = call("compare", "--data", workshop.dataset("binary"), *words, cwd=workshop.root).done().json()
    assert [row["model"] for row in plan["metrics"]["rows"]] == ["resnet", "efnn"]
    assert all(abs(row["parameters"] / 3000 - 1) < 0.1 for row in plan["metrics"]["rows"])


def test_a_dense_system_has_no_other_size(copied: Workshop):
    words = ("--data", copied.dataset("binary"), "--seeds", 1, "depth=1", "width=6", *QUICK)
    result = call("compare", *words, "--json", cwd=copied.root).done().json()
    assert set(result["outputs"]) == {"table", "parity"}
    assert [row["model"] for row in result["metrics"]["rows"]] == ["efnn", "dnn", "resnet", "densenet"]
    assert (copied.root / result["outputs"]["parity"]).stat().st_size > 10_000


def test_out_names_something_else(copied: Workshop):
    """A folder of the user's own, a file, another comparison: refused before any training, nothing touched."""
    root, words = copied.root, ("--data", copied.dataset("binary"), "--seeds", 1, "depth=1", "width=6", *QUICK)
    (root / "mine").mkdir()
    (root / "mine" / "comparison.csv").write_text("precious")
    (root / "file").write_text("precious")
    before = files_below(root)
    for name in ("mine", "file"):
        call("compare", *words, "--out", name, cwd=root).failed(6, name, "--out")
    assert files_below(root) == before
    assert (root / "mine" / "comparison.csv").read_text() == "precious"
    call("compare", *words, "--models", "dnn", "--out", "new", cwd=root).done()
    call("compare", *words, "--models", "dnn", "--out", "new", cwd=root).done()
    call("compare", *words, "--models", "resnet", "--out", "new", cwd=root).failed(6, "new", "--out")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--models", "efnn,cnn"), ("--models", "cnn")),
        (("--models", "efnn,efnn"), ("different", "efnn,efnn")),
        (("--models", "effective"), ("effective", "lattice")),
        (("--seeds", "0"), ("--seeds", "0")),
        (("--parameters", "0"), ("--parameters", "0")),
        (("--grid", "lr"), ("--grid", "lr")),
        (("--grid", "lr=1e-3,"), ("--grid", "lr=1e-3,")),
        (("--grid", "lr=1e-3,2e-3", "lr=1e-2"), ("lr",)),
        (("--grid", "rate=1,2"), ("rate",)),
        (("model=dnn",), ("model=dnn", "--models")),
        (("seed=3",), ("seed=3", "--seeds")),
        (("depth=0",), ("depth", "0")),
    ],
)
def test_what_cannot_be_compared(workshop: Workshop, words: tuple[str, ...], named: tuple[str, ...]):
    before = files_below(workshop.root)
    call("compare", "--data", workshop.dataset("binary"), *words, cwd=workshop.root).failed(2, *named)
    assert files_below(workshop.root) == before


@pytest.mark.slow
def test_a_stopped_comparison_goes_on(copied: Workshop):
    """SIGTERM in the second network: the first one is not trained again."""
    root = copied.root
    words = ("--data", copied.dataset("lattice"), "--models", "dnn,resnet", "--seeds", 1, "--L", 6, "--samples", 2)
    words = ("compare", *words, "epochs=60", "depth=1", "--json")
    known = set((root / "outputs").iterdir())

    def begun() -> set[Path]:
        return {path for path in set((root / "outputs").iterdir()) - known if (path / "metrics.csv").exists()}

    with begin_efnn(*words, cwd=root) as process:
        wait_for(lambda: len(begun()) == 2)
        process.send_signal(signal.SIGTERM)
        stopped = finish(process)
    assert stopped.code == 143, stopped.err
    (first,) = [path / "summary.json" for path in begun() if (path / "summary.json").exists()]
    stamp = (first.parent / "best.h5").stat().st_mtime_ns
    result = call(*words, cwd=root).done().json()
    assert [row["model"] for row in result["metrics"]["rows"]] == ["dnn", "resnet"]
    assert (first.parent / "best.h5").stat().st_mtime_ns == stamp
