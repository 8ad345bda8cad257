"""`efnn compare`: equal data and about equal parameters, choices by validation alone, nothing trained twice."""

import csv
import itertools
import json
import signal
from pathlib import Path

import pytest
import yaml

from efnn_cli.core.errors import NumericalError
from efnn_cli.studies import trials

from .conftest import Workshop, begin_efnn, call, files_below, finish, wait_for

QUICK = ("epochs=2", "training.optimizer=adam")


ALL = "efnn,dnn,resnet,densenet,effective"


def table(folder: Path, result: dict, name: str = "table") -> list[dict[str, str]]:
    with (folder / result["outputs"][name]).open() as file:
        return list(csv.DictReader(file))


def summary(folder: Path, row: dict[str, str]) -> dict:
    return json.loads((folder / row["run"] / "summary.json").read_text())["metrics"]


@pytest.mark.slow
def test_networks_on_a_lattice(copied: Workshop):
    """Seeds, a choice by validation, sizes; the same again trains nothing and says the same."""
    data, root = copied.dataset("lattice"), copied.root
    words = ("--data", data, "--seeds", 2, "--grid", "lr=1e-9,1e-3", "--L", "6,9", "--samples", 3, "depth=1", *QUICK)
    outcome = call("compare", *words, "--json", cwd=root).done()
    assert "/13 runs, " in outcome.err
    result = outcome.json()
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
        extrapolated = call("extrapolate", chosen[0]["run"], "--L", 9, "--samples", 3, "--json", cwd=root).done().json()
        assert float(chosen[0]["rmse_over_std_L9"]) == extrapolated["metrics"]["sizes"][0]["rmse_over_std"]

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


def test_parameters_out_of_reach_are_warned_of(workshop: Workshop):
    """The invariants of a lattice network alone have more; the other networks are not made as large."""
    words = ("--models", "efnn,dnn", "--parameters", "1000,6000", "--dry-run", "--json")
    plan = call("compare", "--data", workshop.dataset("hopping"), *words, cwd=workshop.root).done().json()
    rows = {(row["model"], row["wanted_parameters"]): row["parameters"] for row in plan["metrics"]["rows"]}
    assert rows["efnn", 1000] > 5000
    assert rows["dnn", 6000] == pytest.approx(6000, rel=0.1)
    assert any(f"efnn: wanted 1000 parameters, width 1 has {rows['efnn', 1000]}" in each for each in plan["warnings"])
    assert not any("wanted 6000" in each for each in plan["warnings"])


@pytest.mark.slow
def test_a_dense_system_has_no_other_size(copied: Workshop):
    """No other L, no linear model, and without --grid the same points for every network."""
    words = ("--data", copied.dataset("binary"), "--seeds", 1, "depth=1", "width=6", "epochs=1")
    outcome = call("compare", *words, "--models", ALL, "--json", cwd=copied.root).done()
    result = outcome.json()
    assert set(result["outputs"]) == {"table", "means", "markdown", "parity"}
    assert [row["model"] for row in result["metrics"]["rows"]] == ["efnn", "dnn", "resnet", "densenet"]
    assert (copied.root / result["outputs"]["parity"]).stat().st_size > 10_000
    (warning,) = outcome.warnings()
    assert warning == "effective is left out: it needs a lattice, and three_spin has none"

    plan = call("compare", *words, "--models", ALL, "--json", "--dry-run", cwd=copied.root).done().json()
    runs = table(copied.root, result)
    assert plan["metrics"]["runs"] == len(runs) == 16
    points = {name: [row["choice"] for row in runs if row["model"] == name] for name in ALL.split(",")[:-1]}
    wanted = [f"lr={lr} activation_scale={scale}" for lr, scale in itertools.product(("0.003", "0.01"), ("0.001", "1"))]
    assert all(each == wanted for each in points.values()), points
    assert result["metrics"]["grid"] == ["lr=0.003,0.01", "activation_scale=0.001,1"]


# The EFNN has a recipe of its own for these systems: another optimizer, learning rate or precision.
@pytest.mark.parametrize("name", ["lattice", pytest.param("scalar", marks=pytest.mark.slow)])
def test_one_recipe_for_all(copied: Workshop, name: str):
    """Only what the grid chooses differs, and what only the EFNN has."""
    words = ("--data", copied.dataset(name), "--grid", "none", "--seeds", 1, "--L", 6, "--samples", 2, "epochs=1")
    result = call("compare", *words, "--json", cwd=copied.root).done().json()
    runs = [row for row in table(copied.root, result) if row["model"] != "effective"]
    stored = [yaml.safe_load((copied.root / row["run"] / "config.yaml").read_text()) for row in runs]
    assert len(stored) == 4
    assert [row["choice"] for row in runs] == [""] * 4
    for each in stored:
        assert each["training"] == stored[0]["training"] == result["metrics"]["recipe"]
        each["model"].pop("name"), each["model"].pop("width")
    bias = stored[0]["model"].pop("quasi_particle_bias")
    assert bias == (1.0 if name == "lattice" else 0.0)
    assert all(each["model"] == stored[0]["model"] for each in stored)
    text = (copied.root / result["outputs"]["markdown"]).read_text()
    assert f"Recipe: {stored[0]['training']['name']} for every network, but for what the grid chooses: soap" in text
    assert ("EFNN with quasi_particle_bias=1.0" in text) == (name == "lattice")
    assert "nothing was tuned" in text


@pytest.mark.parametrize(
    ("settings", "grid"),
    [
        ((), ["lr=0.006,0.02", "activation_scale=0.003,1"]),
        (("lr=1e-3",), ["activation_scale=0.003,1"]),
        (("lr=1e-3", "model.activation_scale=0.5"), []),
        (("--grid", "lr=1,2,3", "lr"), None),
        (("--grid", "none", "--grid", "lr=1,2"), None),
        (("--grid", "width=3,4"), None),
    ],
)
def test_the_grid(workshop: Workshop, settings: tuple[str, ...], grid: list[str] | None):
    """Settings of the user are not varied; settings that change the number of parameters are refused."""
    words = ("compare", "--data", workshop.dataset("lattice"), *settings, "--dry-run", "--json")
    found = call(*words, cwd=workshop.root)
    if grid is None:
        assert found.code == 2
        assert found.json()["message"]
    else:
        assert found.done().json()["metrics"]["grid"] == grid


def test_what_diverges_is_not_chosen(copied: Workshop):
    """A point of the grid that diverges is a result; a network that always does ends the command."""
    words = ("--data", copied.dataset("lattice"), "--models", "dnn", "--seeds", 1, "--L", 6, "--samples", 2, *QUICK)
    result = call("compare", *words, "--grid", "lr=1e30,1e-3", "--json", cwd=copied.root).done().json()
    first, second = table(copied.root, result)
    assert (first["rmse_over_std_val"], first["chosen"], first["rmse_over_std_test"]) == ("diverged", "0", "")
    assert (second["choice"], second["chosen"]) == ("lr=1e-3", "1")
    assert any("lr=1e30" in each and "not finite" in each for each in result["warnings"])
    call("compare", *words, "--grid", "lr=1e30,1e29", cwd=copied.root).failed(4, "dnn", "every setting")


def test_a_seed_that_diverges_is_counted(copied: Workshop, monkeypatch: pytest.MonkeyPatch):
    """It is left out of the mean, and the text names it."""

    def diverging(plan, console, *, overwrite):
        if plan.config.seed == 1:
            raise NumericalError("training: the loss (nan) is not finite in epoch 1")
        obtained(plan, console, overwrite=overwrite)

    obtained = trials.obtain
    monkeypatch.setattr(trials, "obtain", diverging)
    words = ("--data", copied.dataset("scalar"), "--models", "dnn", "--grid", "none", "depth=1", "width=6", *QUICK)
    result = call("compare", *words, "--json", cwd=copied.root).done().json()
    (row,) = result["metrics"]["rows"]
    assert (row["seeds"], row["diverged"]) == (2, 1)
    runs = table(copied.root, result)
    assert [each["rmse_over_std_test"] != "" for each in runs] == [True, False, True]
    assert row["errors"]["test"] == pytest.approx(sum(float(runs[i]["rmse_over_std_test"]) for i in (0, 2)) / 2)
    assert "DNN without 1 that diverged" in (copied.root / result["outputs"]["markdown"]).read_text()


@pytest.mark.slow
def test_out_names_something_else(copied: Workshop):
    """A folder of the user's own, a file, another comparison: refused before any training, nothing touched."""
    root = copied.root
    words = ("--data", copied.dataset("binary"), "--seeds", 1, "--grid", "none", "depth=1", "width=6", *QUICK)
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
        (("--seeds", "0"), ("--seeds", "0")),
        (("--parameters", "300,x"), ("--parameters", "300,x")),
        (("--parameters", "300", "width=5"), ("--parameters", "width=5")),
        (("--grid", "lr=1e-3,"), ("--grid", "lr=1e-3,")),
        (("--grid", "lr=1e-3,2e-3", "lr=1e-2"), ("lr",)),
        (("--grid", "rate=1,2"), ("rate",)),
        (("model=dnn",), ("model=dnn", "--models")),
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
    words = ("compare", *words, "--grid", "none", "epochs=60", "depth=1", "--json")
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
