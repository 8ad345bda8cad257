"""`efnn learn`, its rounds resumed; `efnn bench sample`; a scan of the temperature."""

import csv
import json
from pathlib import Path

import pytest

from efnn_cli.runs.loading import load
from efnn_cli.simulation.benchmark import investment
from efnn_cli.storage.dataset import read_metadata

from .conftest import call

SMALL = ("gradient_steps=60", "width=4", "model.invariant_channels=4", "training.optimizer=adam", "chains=4")
WORDS = ("learn", "double_exchange", "--L", 4, "--labels", 60, *SMALL, "proposals=4", "test=10", "-q", "--json")


pytestmark = pytest.mark.usefixtures("brief")


@pytest.fixture(scope="module")
def place(brief: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("learn")


@pytest.fixture(scope="module")
def learned(place: Path) -> dict:
    return call(*WORDS, "--rounds", 2, "--out", "whole", cwd=place).done().json()


def test_labels_are_counted_and_files_are_there(place: Path, learned: dict):
    first, *later = learned["metrics"]["rounds"]
    assert set(first) >= {"labels", "acceptance", "rmse", "field_relative_error", "seconds"}
    assert first["trained_on"] == 60
    assert first["labels"] == 60 + 4 * (1 + 1 + 4)  # each chain: its start, one proposal of warm-up, four that count
    for before, after in zip([first, *later], later, strict=False):
        assert after["trained_on"] == before["labels"]  # all labels that were computed
    for name in ("run", "dataset", "table", "figure"):
        assert (place / learned["outputs"][name]).exists(), name
    with (place / learned["outputs"]["table"]).open() as file:
        assert len(list(csv.DictReader(file))) == 1 + len(later)
    call("sample", learned["outputs"]["run"], "--chains", 2, "--proposals", 4, "warmup=0", "-q", cwd=place).done()


def without_seconds(found: dict) -> list[dict]:
    return [{key: each for key, each in row.items() if key != "seconds"} for row in found["metrics"]["rounds"]]


@pytest.mark.slow
def test_one_round_more_is_as_if_never_stopped(place: Path, learned: dict):
    first = call(*WORDS, "--rounds", 1, "--out", "cut", cwd=place).done().json()
    again = call(*WORDS, "--rounds", 2, "--out", "cut", cwd=place).done().json()
    assert without_seconds(again) == without_seconds(learned)
    assert again["metrics"]["rounds"][0] == first["metrics"]["rounds"][0]  # as long as it took, not as it is looked up


def test_a_folder_of_something_else_is_refused(place: Path, learned: dict, here: Path):
    folder = place / "whole"
    call(*WORDS[:-1], "--seed", 1, "--out", folder, cwd=here).failed(6, "--out")
    call("reproduce", "thermodynamics", "--out", folder, cwd=here).failed(6, "--out")
    (here / "notes.txt").write_text("mine")
    call(*WORDS[:-1], "--out", here, cwd=here).failed(6, "--out")
    assert [each.name for each in here.iterdir()] == ["notes.txt"]


def test_the_next_command_is_told(place: Path, learned: dict):
    said = call(*WORDS[:-1], "--rounds", 2, "--out", "whole", cwd=place).done().out.splitlines()[-1].split()
    assert said == ["next", "efnn", "sample", learned["outputs"]["run"]]


def test_its_keys_are_shown(here: Path):
    shown = call("config", "learn", "heisenberg", "rounds=2", "epochs=7", "--json", cwd=here).done().json()["metrics"]
    assert (shown["rounds"], shown["labels"], shown["epochs"]) == (2, 400, 7)
    assert shown["system"]["name"] == "heisenberg"
    said = call("config", "learn", cwd=here).done()
    assert "gradient_steps" in said.out
    assert "showing double_exchange" in said.err
    assert "three_spin" not in call("learn", "--help", cwd=here).done().out
    call("config", "learn", "three_spin", cwd=here).failed(2, "lattice")
    call("config", "learn", "model=effective", cwd=here).failed(2, "model=efnn")


def test_an_experiment_beside_those_of_the_paper_is_done_alone(here: Path):
    call("reproduce", "thermodynamics", "three_spin", cwd=here).failed(2, "alone")
    call("reproduce", "labels", "--export", "there", cwd=here).failed(2, "--export")
    call("reproduce", "labels", "hydra/launcher=submitit_slurm", cwd=here).failed(2, "hydra/launcher")
    call("reproduce", "temperature", "scale=huge", cwd=here).failed(2, "laptop")
    planned = call("reproduce", "temperature", "scale=laptop", "--dry-run", "--json", cwd=here).done().json()
    assert planned["metrics"] == {"trainings": 3, "tests": 5}
    assert not list(here.iterdir())


def test_what_cannot_be_learned(here: Path):
    call("learn", "double_exchange", "rounds=0", cwd=here).failed(2, "rounds")
    call("learn", "three_spin", cwd=here).failed(2, "lattice")
    call("learn", "heisenberg", cwd=here).failed(2, "temperature=")
    call("learn", "double_exchange", "width=0", cwd=here).failed(2, "width")
    call("learn", "double_exchange", "chians=3", cwd=here).failed(2, "chains")
    call("learn", "double_exchange", "temperature=0.2", cwd=here).failed(2, "system.T")
    call("learn", "heisenberg", "temperature=-1", cwd=here).failed(2, "temperature")
    call("learn", "double_exchange", "model=effective", cwd=here).failed(2, "fields")
    call("learn", "double_exchange", "spin_temperature=abc", cwd=here).failed(2, "LOW:HIGH")
    call("learn", "double_exchange", "--seed", 2**63 - 5, cwd=here).failed(2, "seed")
    planned = call("learn", "double_exchange", "--dry-run", "--json", cwd=here).done().json()
    assert planned["status"] == "planned"
    assert not list(here.iterdir())


def test_the_benchmark_of_sampling(place: Path, learned: dict):
    words = ("--L", 4, "--sweeps", 10, "--direct", 10, "--proposals", 6, "--json", "-q")
    found = call("bench", "sample", learned["outputs"]["run"], *words, cwd=place).done().json()
    rows = {row["case"]: row for row in found["metrics"]["rows"]}
    assert all(
        rows[name][way] > 0 for name in rows for way in ("ours", "straightforward") if rows[name][way] is not None
    )
    assert {"effective-samples", "tau-local-moves"} <= rows.keys()
    for wrong in (("--sweeps", 2), ("--direct", 2), ("--proposals", 3), ("correct=false",)):
        call("bench", "sample", learned["outputs"]["run"], "--L", 4, *wrong, cwd=place).failed(2, str(wrong[0]))


def test_what_a_network_has_cost(place: Path, learned: dict, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(place)
    run, data = (place / learned["outputs"][name] for name in ("run", "dataset"))
    last = int(run.name.removeprefix("network-"))
    folder = run.parent
    ladder = read_metadata(folder / "ladder.h5")["reference"]["seconds_per_configuration"] * 60  # of one core
    chains = [read_metadata(folder / f"chains-{each}.h5")["reference"]["seconds"] for each in range(last)]
    summaries = [json.loads((folder / f"network-{each}/summary.json").read_text()) for each in range(last + 1)]
    trainings = [each["metrics"]["seconds"] for each in summaries]
    assert investment(load(run)) == pytest.approx(sum(trainings) + ladder + sum(chains))
    assert read_metadata(data)["sampling"] == "monte_carlo"


@pytest.mark.slow
def test_a_scan_of_the_temperature(here: Path):
    planned = call("reproduce", "experiment=thermodynamics", "--dry-run", "--json", cwd=here).done().json()
    assert planned["metrics"] == {"temperatures": 2, "points": 2, "labels": 60}
    done = call("reproduce", "thermodynamics", "--out", "scan", "-q", "--json", cwd=here).done().json()
    assert [(row["T"], row["L"]) for row in done["metrics"]["points"]] == [(0.3, 4), (0.1, 4)]
    assert done["metrics"]["points"][0]["observables"]["specific_heat"]["mean"] > 0
    assert "| 0.1 |" in (here / "scan/report.md").read_text()
    with (here / "scan/thermodynamics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["T"]) for row in rows] == [0.3, 0.1]
    again = call("reproduce", "thermodynamics", "--out", "scan", "-q", "--json", cwd=here).done().json()
    assert again["metrics"] == done["metrics"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["temperature", "labels"])
def test_a_study_of_datasets(here: Path, name: str):
    done = call("reproduce", f"experiment={name}", "--out", "study", "-q", "--json", cwd=here).done().json()
    with (here / "study/errors.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(done["metrics"]["rows"]) >= 3
    assert all(float(row["rmse"]) > 0 and float(row["label_seconds"]) >= 0 for row in rows)
    assert (here / "study/study.png").exists()
    assert "| trained on" in (here / "study/report.md").read_text()
    again = call("reproduce", name, "--out", "study", "-q", "--json", cwd=here).done().json()
    assert again["metrics"] == done["metrics"]
