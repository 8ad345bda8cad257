"""`efnn runs`: every run with its status, conditions, order; damaged folders are rows too."""

import csv
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from efnn_cli.runs.listing import COLUMNS
from efnn_cli.runs.stored import run_hash
from efnn_cli.storage import documents

from .conftest import Outcome, Workshop, call, run_efnn


def rows_of(outcome: Outcome) -> list[dict[str, Any]]:
    return outcome.done().json()["metrics"]["rows"]


def listed(root: Path, *args: str) -> list[dict[str, Any]]:
    return rows_of(call("runs", *args, "--json", cwd=root))


@pytest.fixture(scope="module")
def many(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty runs: one that was trained, and copies of it with other seeds, widths and errors."""
    root = tmp_path_factory.mktemp("many")
    original = workshop.root / workshop.run("binary net")
    for seed in range(40):
        folder = shutil.copytree(original, root / "outputs" / f"three_spin-dnn-d1-s{seed:02d}-{seed:08x}")
        config = yaml.safe_load((folder / "config.yaml").read_text())
        config |= {"seed": seed, "model": config["model"] | {"width": 8 * (seed % 4 + 1)}}
        settings = (config["model"], config["training"], seed, config["dataset"]["content_sha256"])
        config["hash"] = run_hash(*settings)
        documents.write_yaml(folder / "config.yaml", config)
        summary = json.loads((folder / "summary.json").read_text())
        summary["metrics"]["test"]["rmse"] = float(40 - seed)
        summary["metrics"]["test"]["relative_error"] = 10.0**-seed if seed % 2 else None
        summary["hash"] = config["hash"]
        documents.write_json(folder / "summary.json", summary)
    return root


def test_a_run_goes_by_the_name_in_the_table(copied: Workshop):
    name = copied.run("lattice net").name
    assert not (copied.root / name).exists()
    extended = ("train", "--extend", name, "epochs=3", "lr=0.005", "--dry-run")
    for words in (("evaluate", name), ("inspect", name), ("plot", "curve", name), extended):
        call(*words, cwd=copied.root).done()
    call("merge", name, "temperature=1", cwd=copied.root).failed(3, "groups", "efnn sample")


def test_forty_runs_of_a_real_process(many: Path):
    rows = rows_of(run_efnn("runs", "--json", cwd=many))
    assert [row["seed"] for row in rows] == list(range(40))
    assert {row["status"] for row in rows} == {"finished"}
    assert all(list(row) == list(COLUMNS) for row in rows)


def test_what_a_row_says(workshop: Workshop):
    rows = {row["run"]: row for row in listed(workshop.root)}
    assert set(rows) == {
        str(workshop.run(name)) for name in ("hopping fit", "binary net", "lattice net", "lattice twin")
    }
    row, metrics = rows[str(workshop.run("lattice twin"))], workshop.made["lattice twin"].json()["metrics"]
    told = ("system", "variant", "L", "model", "depth", "seed", "samples", "epochs", "planned_epochs", "status")
    assert [row[key] for key in told] == ["heisenberg_lattice", "lattice", 6, "efnn", 1, 1, 60, 2, 2, "finished"]
    assert row["parameters"] == metrics["parameters"]
    assert {key: row[key] for key in metrics["test"]} == metrics["test"]
    assert row["val_rmse"] == metrics["val"]["rmse"]
    closed = rows[str(workshop.run("hopping fit"))]
    assert (closed["depth"], closed["planned_epochs"], closed["system"]) == (None, 1, "double_exchange")


@pytest.mark.parametrize(
    ("conditions", "wanted"),
    [
        (("seed=3",), [3]),
        (("seed=3,5,41",), [3, 5]),
        (("seed!=1", "seed<3"), [0, 2]),
        (("relative_error<1e-36",), [37, 39]),
        (("relative_error=null", "seed<4"), [0, 2]),
        (("system=three-spin", "model=dnn,efnn", "status=finished", "seed=7"), [7]),
        (("model.width=16", "seed<6"), [1, 5]),
    ],
)
def test_conditions(many: Path, conditions: tuple[str, ...], wanted: list[int]):
    assert [row["seed"] for row in listed(many, *conditions)] == wanted


def test_order(many: Path):
    assert [row["seed"] for row in listed(many, "--sort", "rmse")] == list(range(39, -1, -1))
    assert [row["seed"] for row in listed(many, "--sort", "rmse", "--reverse")] == list(range(40))
    up, down = listed(many, "--sort", "relative_error"), listed(many, "--sort", "relative_error", "--reverse")
    assert [row["seed"] for row in up[:20]] == list(range(39, 0, -2))
    assert [row["seed"] for row in down[:20]] == list(range(1, 40, 2))
    assert all(row["relative_error"] is None for row in up[20:] + down[20:])  # what is missing comes last


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (("relative_eror<1",), ("relative_eror", "did you mean relative_error")),
        (("--sort", "widht"), ("widht", "did you mean width")),
        (("model<3",), ("model", "no number")),
        (("seed<abc",), ("seed", "abc")),
        (("--csv", "--json"), ("--csv", "--json")),
    ],
)
def test_what_cannot_be_meant(many: Path, args: tuple[str, ...], named: tuple[str, ...]):
    outcome = call("runs", *args, cwd=many)
    if "--json" in args:
        assert outcome.code == 2
    else:
        outcome.failed(2, *named)


def test_csv_has_every_column(many: Path):
    found = list(csv.DictReader(io.StringIO(call("runs", "seed<2", "--csv", cwd=many).done().out)))
    assert [list(row) for row in found] == [list(COLUMNS)] * 2
    assert [row["relative_error"] for row in found] == ["", "0.1"]


@pytest.mark.parametrize("columns", [60, 80, 1000])
def test_text_fits_a_line(many: Path, columns: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    outcome = call("runs", "--sort", "width", cwd=many).done()
    lines = outcome.out.splitlines()
    assert len(lines) == 41
    assert max(map(len, lines)) <= columns
    assert {"run", "width", "RMSE/std"} <= set(lines[0].split())
    left_out = re.findall(r"\w+", outcome.err.partition(" for ")[2].partition(":")[0])
    assert bool(left_out) == (columns < 1000)
    assert not set(left_out) & set(lines[0].split())


def test_columns_that_tell_runs_apart_stay(many: Path, monkeypatch: pytest.MonkeyPatch):
    """Those that are equal for all go first, whatever they are of."""
    monkeypatch.setenv("COLUMNS", "80")
    head, first, *_ = call("runs", "seed<3", cwd=many).done().out.splitlines()
    assert {"seed", "width", "rmse"} <= set(head.split())
    assert not {"system", "status", "L", "lr"} & set(head.split())
    assert first.startswith("three_spin-dnn-d1-s00-00000000  ")


def begun(root: Path, run: Path) -> Path:
    """A finished run made one that was not finished."""
    (root / run / "summary.json").unlink()
    return root / run


def statuses(root: Path) -> dict[str, str]:
    return {row["run"]: row["status"] for row in listed(root)}


def test_unfinished(copied: Workshop):
    name = copied.run("lattice net")
    begun(copied.root, name)
    row = next(row for row in listed(copied.root) if row["run"] == str(name))
    assert (row["status"], row["epochs"], row["parameters"], row["rmse"]) == ("unfinished", 2, None, None)
    assert row["val_rmse"] == pytest.approx(copied.made["lattice net"].json()["metrics"]["val"]["rmse"])


def test_failed_with_its_sentence(copied: Workshop):
    data = copied.dataset("lattice")
    call("train", "--data", data, "lr=1e30", "training.optimizer=adam", "depth=1", "epochs=2", cwd=copied.root).failed(
        4
    )
    (row,) = (row for row in listed(copied.root) if row["status"] == "failed")
    assert "not finite" in row["error"]
    assert "not finite" in call("runs", "status=failed", cwd=copied.root).done().out


def test_folders_without_a_run_are_no_rows(copied: Workshop):
    outputs = copied.root / "outputs"
    (outputs / "plots").mkdir()
    (outputs / "begun").mkdir()
    (outputs / "begun" / "lock").touch()
    (outputs / "begun" / "run.log").touch()
    (outputs / "file").touch()
    (outputs / "headless").mkdir()
    shutil.copy(copied.root / copied.run("lattice net") / "metrics.csv", outputs / "headless")
    assert {name: status for name, status in statuses(copied.root).items() if status != "finished"} == {
        "outputs/headless": "unreadable"
    }
