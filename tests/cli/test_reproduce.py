"""`efnn reproduce`: a small experiment of our own, done, interrupted, failed and reported."""

import csv
import json
import signal
from pathlib import Path

import pytest
import yaml

from .conftest import Outcome, begin_efnn, call, files_below, finish, run_efnn, wait_for

TINY = """\
name: tiny
title: A tiny experiment
lead: Six spins.
system: [three_spin]
published: [{what: "D = 1: relative error", measure: error, depth: 1, value: 5.0e-3}]
deviations: ["It is <script>alert(1)</script> small."]
sweeps:
  widths: {title: Error against width, axis: width, text: One recipe.}
  best: {title: The default recipe}
scales:
  smoke:
    generate: [system.L=6, samples=80]
    train:
      widths:
        settings: ["model=efnn,dnn", "depth=1", "width=4,6", "epochs=%(epochs)s", training.optimizer=adam]
        choose: ["%(choose)s"]
        seeds: 2
      best:
        settings: [model=efnn, depth=1, width=6, "epochs=%(epochs)s", training.optimizer=adam, %(scale)s]
        seeds: 2
"""
CHOICE = "activation_scale=0.01,1"


def preset(folder: Path, epochs: int = 2, choose: str = CHOICE, scale: str = "activation_scale=1") -> None:
    """The experiment `tiny` among the user's own files."""
    (folder / "mine" / "experiment").mkdir(parents=True)
    text = TINY % {"epochs": epochs, "choose": choose, "scale": scale}
    (folder / "mine" / "experiment" / "tiny.yaml").write_text(text)


ARGS = ("reproduce", "tiny", "scale=smoke", "--config-dir", "mine", "--device", "cpu")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def without_times(path: Path) -> list[dict[str, str]]:
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows(path)]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """Return the folder and the outcome of the experiment, done in this process."""
    root = tmp_path_factory.mktemp("reproduced")
    preset(root)
    return root, call(*ARGS, "--workers", 1, "--export", "kept", "--json", cwd=root).done()


def test_the_report_and_its_tables(done: tuple[Path, Outcome]):
    root, outcome = done
    found = outcome.json()
    page = (root / found["outputs"]["report"]).read_text()
    assert page.startswith("<!doctype html>")
    assert "<script>" not in page
    assert "A tiny experiment" in page
    text = (root / found["outputs"]["markdown"]).read_text()
    for title in ("Published figures and ours", "A tiny experiment", "Deviations", "Provenance"):
        assert f"## {title}" in text
    assert "efnn reproduce tiny scale=smoke --config-dir mine" in text
    lines = rows(root / "outputs/reproduce-smoke/runs.csv")
    assert {(row["sweep"], row["model"], row["width"], row["seed"]) for row in lines} >= {
        ("widths", model, width, seed) for model in ("efnn", "dnn") for width in "46" for seed in "01"
    }
    assert len(lines) == 2 * 2 * 2 + 2
    assert found["metrics"]["runs"] == {"tiny": len({row["run"] for row in lines})}
    for row in lines:
        assert (root / "outputs" / row["run"] / "summary.json").exists()


def test_the_choice_is_by_validation_with_seed_0(done: tuple[Path, Outcome]):
    """Every run that was tried stands in outputs/: the one with the lesser validation error was taken."""
    root, _ = done
    tried: dict[tuple[str, int], dict[float, float]] = {}
    for path in root.glob("outputs/*/summary.json"):
        config = (path.parent / "config.yaml").read_text()
        stored = yaml.safe_load(config)
        if stored["seed"] == 0:
            key = (stored["model"]["name"], stored["model"]["width"])
            error = json.loads(path.read_text())["metrics"]["val"]["rmse"]
            tried.setdefault(key, {})[stored["model"]["activation_scale"]] = error
    assert {len(errors) for errors in tried.values()} == {2}
    chosen = {
        (row["model"], int(row["width"])): float(row["choice"].partition("=")[2])
        for row in rows(root / "outputs/reproduce-smoke/runs.csv")
        if row["sweep"] == "widths"
    }
    assert chosen == {key: min(errors, key=errors.__getitem__) for key, errors in tried.items()}


def test_again_it_trains_nothing_and_says_the_same(done: tuple[Path, Outcome]):
    root, outcome = done
    before = {path: path.read_bytes() for path in root.glob("outputs/reproduce-smoke/*")}
    again = call(*ARGS, "--workers", 1, "--export", "kept", "--json", cwd=root).done()
    assert "runs finished earlier" in again.err
    assert again.json() == outcome.json()
    assert {path: path.read_bytes() for path in root.glob("outputs/reproduce-smoke/*")} == before


@pytest.mark.slow
@pytest.mark.parametrize(
    "extra", [(), ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2"), ("hydra/launcher=submitit_local",)]
)
def test_workers_and_launchers_train_what_one_process_trains(
    done: tuple[Path, Outcome], tmp_path: Path, extra: tuple[str, ...]
):
    preset(tmp_path)
    run_efnn(*ARGS, "--workers", 2, *extra, "--json", cwd=tmp_path, timeout=300).done()
    table = "outputs/reproduce-smoke/runs.csv"
    assert without_times(tmp_path / table) == without_times(done[0] / table)


def test_a_dry_run_tells_the_time_and_writes_nothing(tmp_path: Path):
    preset(tmp_path)
    before = files_below(tmp_path)
    plan = call(*ARGS, "--dry-run", "--json", cwd=tmp_path).done().json()
    assert plan["status"] == "planned"
    assert [step["step"].split()[0] for step in plan["metrics"]["steps"]] == ["label", "train", "train"]
    assert [step["count"] for step in plan["metrics"]["steps"]][1:] == [2 * 2 * 3, 2]
    assert plan["metrics"]["estimated_seconds"] > 0
    assert files_below(tmp_path) == before


def test_failed_runs_are_listed_and_the_rest_is_reported(tmp_path: Path):
    preset(tmp_path, choose="lr=0.001,1e200", scale="lr=1e200")
    outcome = call(*ARGS, "--workers", 1, "--json", cwd=tmp_path)
    found = outcome.json()
    assert outcome.code == found["code"] == 4
    assert found["status"] == "error"
    assert "runs failed" in found["message"]
    text = (tmp_path / found["outputs"]["markdown"]).read_text()
    assert "## Failed runs" in text
    assert "lr=1e" in text
    chosen = {row["choice"] for row in rows(tmp_path / "outputs/reproduce-smoke/runs.csv")}
    assert chosen == {"lr=0.001"}
    assert found["metrics"]["published"][0]["met"] is None


@pytest.mark.parametrize("option", ["--out", "--export"])
def test_something_else_is_no_place_for_a_report(tmp_path: Path, option: str):
    preset(tmp_path)
    (tmp_path / "mine.txt").write_text("kept")
    call(*ARGS, option, "mine.txt", cwd=tmp_path).failed(6, option)
    assert (tmp_path / "mine.txt").read_text() == "kept"
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "report.md").write_text("mine")
    if option == "--out":
        call(*ARGS, option, "notes", cwd=tmp_path).failed(6, "notes", "something else")
    assert files_below(tmp_path / "notes") == {"report.md"}
    assert not (tmp_path / "outputs").exists()


def children(pid: int) -> list[int]:
    """Return all processes that a process has started, and those that these have started."""
    texts = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    found = [int(each) for text in texts for each in text.split()]
    return found + [each for child in found for each in children(child)]


def finished(root: Path) -> int:
    return len(list(root.glob("outputs/*/summary.json")))


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_interrupted_it_goes_on_to_the_same_result(done: tuple[Path, Outcome], tmp_path: Path, signum: signal.Signals):
    preset(tmp_path)
    with begin_efnn(*ARGS, "--workers", 2, "--json", cwd=tmp_path) as process:
        wait_for(lambda: finished(tmp_path) >= 2)
        workers = children(process.pid)
        assert workers
        process.send_signal(signum)
        stopped = finish(process)
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    assert stopped.code == (143 if signum == signal.SIGTERM else -9)
    if signum == signal.SIGTERM:
        assert "same command" in stopped.err
    run_efnn(*ARGS, "--workers", 2, "--json", cwd=tmp_path).done()
    table = "outputs/reproduce-smoke/runs.csv"
    assert without_times(tmp_path / table) == without_times(done[0] / table)


def test_unknown_experiments_and_scales(here: Path):
    call("reproduce", "three_spins", cwd=here).failed(2, "three_spin")
    call("reproduce", "scale=huge", cwd=here).failed(2, "laptop")
    call("reproduce", "model=dnn", cwd=here).failed(2, "model")
    assert files_below(here) == set()


def test_a_preset_may_use_recipes_of_its_own_folder(tmp_path: Path):
    """The runs find recipes beside the preset in --config-dir."""
    preset(tmp_path, scale="training=mine")
    (tmp_path / "mine" / "training").mkdir()
    neutral = "# @package _global_\ndefaults:\n  - /training/neutral\n  - _self_\ntraining:\n  name: mine\n"
    (tmp_path / "mine" / "training" / "mine.yaml").write_text(neutral)
    call(*ARGS, "--dry-run", cwd=tmp_path).done()
    (tmp_path / "mine" / "training" / "mine.yaml").unlink()
    call(*ARGS, "--dry-run", cwd=tmp_path).failed(2, "mine")
