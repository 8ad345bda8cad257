"""The JSON objects of every command: exactly the keys of the contract, one object, no NaN."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .conftest import Outcome, Workshop, call, files_below, run_efnn

TOP = {"schema_version", "command", "status", "warnings", "outputs", "metrics"}
ERROR = {"schema_version", "command", "status", "code", "message", "hint"}
GENERATE = {"samples", "mean", "std", "seconds", "samples_per_second", "reference"}
TRAIN = {"parameters", "epochs", "seconds", "samples_per_second", "train", "val", "test"}
PART = {"rmse", "relative_error", "rmse_over_std"}
EVALUATE = {"samples", "rmse", "mae", "bias", "relative_error", "rmse_over_std", "r2", "weights"}
PER_SITE = {"rmse_per_site", "mae_per_site", "bias_per_site"}
SIZE = {
    "L",
    "samples",
    "rmse",
    "relative_error",
    "rmse_over_std",
    "rmse_per_site",
    "bias_per_site",
    "seconds_per_configuration",
    "reference_seconds_per_configuration",
    "speedup",
    "reference",
}

CALIBRATION = {
    "members",
    "rms_spread",
    "member_rmse",
    "error_over_spread",
    "expected_if_independent",
    "expected_if_exchangeable",
    "common_error",
    "bias_over_spread",
    "rank_correlation",
    "within_1_spread",
    "within_2_spreads",
}


def checked(outcome: Outcome, command: str, outputs: set[str], metrics: set[str], status: str = "ok") -> dict[str, Any]:
    found = outcome.done().json()
    assert set(found) == TOP
    assert (found["schema_version"], found["command"], found["status"]) == (1, command, status)
    assert all(isinstance(each, str) for each in found["warnings"])
    assert set(found["outputs"]) == outputs
    assert set(found["metrics"]) == metrics
    return found


def test_generate(workshop: Workshop):
    found = checked(workshop.made["lattice"], "generate", {"dataset"}, GENERATE)
    path = found["outputs"]["dataset"]
    assert re.fullmatch(r"data/heisenberg-L6-n60-s0-[0-9a-f]{8}\.h5", path)
    assert (workshop.root / path).is_file()
    assert found["metrics"]["samples"] == 60
    assert found["metrics"]["reference"] == "formula"
    assert found["metrics"]["seconds"] > 0
    assert found["metrics"]["std"] > 0


@pytest.mark.parametrize(
    ("name", "pattern", "parameters"),
    [
        ("lattice net", r"outputs/heisenberg-efnn-d1-s0-[0-9a-f]{8}", None),
        ("lattice twin", r"outputs/heisenberg-efnn-d1-s1-[0-9a-f]{8}", None),
        ("binary net", r"outputs/three_spin-dnn-d1-s0-[0-9a-f]{8}", 7 * 8 + 9 * 8 + 2 * 9 * 8),
        ("hopping fit", r"outputs/double_exchange-effective-d0-s0-[0-9a-f]{8}", 13),
    ],
)
def test_train(workshop: Workshop, name: str, pattern: str, parameters: int | None):
    found = checked(workshop.made[name], "train", {"run", "checkpoint"}, TRAIN)
    metrics, outputs = found["metrics"], found["outputs"]
    assert re.fullmatch(pattern, outputs["run"])
    assert outputs["checkpoint"] == f"{outputs['run']}/best.h5"
    assert (workshop.root / outputs["checkpoint"]).is_file()
    assert all(set(metrics[part]) == PART for part in ("train", "val", "test"))
    assert metrics["epochs"] == (1 if "effective" in pattern else 2)
    if parameters is not None:
        assert metrics["parameters"] == parameters


def test_relative_error_is_null_where_it_means_nothing(workshop: Workshop):
    for name in ("lattice net", "lattice twin"):
        metrics = workshop.made[name].json()["metrics"]
        assert [metrics[part]["relative_error"] for part in ("train", "val", "test")] == [None, None, None]
    metrics = workshop.made["hopping fit"].json()["metrics"]
    assert all(0 < metrics[part]["relative_error"] < 0.1 for part in ("train", "val", "test"))


def test_run_folder(workshop: Workshop):
    folder = workshop.root / workshop.run("lattice net")
    names = {each.name for each in folder.iterdir()}
    assert names == {"config.yaml", "run.log", "metrics.csv", "last.h5", "best.h5", "summary.json", "lock"}
    summary = json.loads((folder / "summary.json").read_text(), parse_constant=pytest.fail)
    assert summary["metrics"] == workshop.made["lattice net"].json()["metrics"]


def test_evaluate(workshop: Workshop):
    run = workshop.run("lattice net")
    found = checked(call("evaluate", run, "--json", cwd=workshop.root), "evaluate", set(), EVALUATE | PER_SITE)
    assert found["metrics"]["samples"] == 12
    assert found["metrics"]["weights"] == "best"
    assert found["metrics"]["relative_error"] is None
    test = workshop.made["lattice net"].json()["metrics"]["test"]
    assert {key: found["metrics"][key] for key in PART} == test
    for key in PER_SITE:
        assert found["metrics"][key] == found["metrics"][key.removesuffix("_per_site")] / 36


def test_evaluate_with_a_defined_relative_error(workshop: Workshop):
    found = checked(
        call("evaluate", workshop.run("hopping fit"), "--json", cwd=workshop.root),
        "evaluate",
        set(),
        EVALUATE | PER_SITE,
    )
    metrics = found["metrics"]
    assert metrics["relative_error"] == pytest.approx(
        workshop.made["hopping fit"].json()["metrics"]["test"]["relative_error"]
    )
    assert metrics["r2"] == pytest.approx(1 - metrics["rmse_over_std"] ** 2)


def test_evaluate_an_ensemble(workshop: Workshop):
    runs = [workshop.run("lattice net"), workshop.run("lattice twin")]
    outcome = call("evaluate", *runs, "--json", cwd=workshop.root)
    found = checked(outcome, "evaluate", set(), EVALUATE | PER_SITE | {"members", "spread", "calibration"})
    members = found["metrics"]["members"]
    assert len(members) == 2
    for member, name in zip(members, ("lattice net", "lattice twin"), strict=True):
        assert member["rmse"] == pytest.approx(workshop.made[name].json()["metrics"]["test"]["rmse"])
    assert found["metrics"]["spread"] > 0
    assert found["metrics"]["rmse"] <= max(member["rmse"] for member in members)
    calibration = found["metrics"]["calibration"]
    assert set(calibration) == CALIBRATION
    assert calibration["members"] == 2
    assert calibration["error_over_spread"] == pytest.approx(found["metrics"]["rmse"] / calibration["rms_spread"])
    assert calibration["bias_over_spread"] == pytest.approx(found["metrics"]["bias"] / calibration["rms_spread"])
    assert calibration["member_rmse"] ** 2 == pytest.approx(sum(member["rmse"] ** 2 for member in members) / 2)
    text = call("evaluate", *runs, cwd=workshop.root).done().out
    assert all(f"{key} " in text for key in CALIBRATION)


def test_evaluate_one_run_twice(workshop: Workshop):
    """Members that do not differ tell nothing: null, not NaN."""
    runs = [workshop.run("lattice net")] * 3
    metrics = call("evaluate", *runs, "--json", cwd=workshop.root).done().json()["metrics"]
    undefined = {key for key, value in metrics["calibration"].items() if value is None}
    assert undefined == CALIBRATION - {
        "members", "rms_spread", "member_rmse", "expected_if_independent", "expected_if_exchangeable",
    }  # fmt: skip


def test_evaluate_one_configuration(copied: Workshop):
    made = call("generate", "heisenberg", "--L", 6, "--samples", 1, "--seed", 5, "--json", cwd=copied.root)
    data = made.done().json()["outputs"]["dataset"]
    assert made.json()["metrics"]["std"] == 0
    outcome = call("evaluate", copied.run("lattice net"), "--data", data, "--json", cwd=copied.root)
    metrics = checked(outcome, "evaluate", set(), EVALUATE | PER_SITE)["metrics"]
    assert metrics["samples"] == 1
    assert metrics["rmse_over_std"] is None
    assert metrics["r2"] is None
    assert metrics["rmse"] == pytest.approx(abs(metrics["bias"]))


def test_extrapolate(copied: Workshop):
    run = copied.run("lattice net")
    outcome = run_efnn("extrapolate", run, "--L", "8,5", "--samples", 4, "--json", cwd=copied.root)
    found = checked(outcome, "extrapolate", {"table", "figure"}, {"sizes"})
    sizes = found["metrics"]["sizes"]
    assert [each["L"] for each in sizes] == [5, 8]
    for each in sizes:
        assert set(each) == SIZE
        assert each["samples"] == 4
        assert each["reference"] == "formula"
        assert each["relative_error"] is None
        assert each["rmse_per_site"] == pytest.approx(each["rmse"] / each["L"] ** 2)
        speedup = each["reference_seconds_per_configuration"] / each["seconds_per_configuration"]
        assert each["speedup"] == pytest.approx(speedup)
    assert found["outputs"]["table"].endswith(".csv")
    assert found["outputs"]["figure"].endswith(".png")
    assert all((copied.root / path).stat().st_size > 0 for path in found["outputs"].values())


def test_extrapolate_an_ensemble(copied: Workshop):
    runs = [copied.run("lattice net"), copied.run("lattice twin")]
    outcome = call("extrapolate", *runs, "--L", 5, "--samples", 3, "--json", cwd=copied.root)
    found = checked(outcome, "extrapolate", {"table", "figure"}, {"sizes"})
    (size,) = found["metrics"]["sizes"]
    assert set(size) == SIZE | {"members", "spread_per_site", "calibration"}
    assert set(size["calibration"]) == CALIBRATION
    assert size["spread_per_site"] == pytest.approx(size["calibration"]["rms_spread"] / 25)
    alone = [call("extrapolate", run, "--L", 5, "--samples", 3, "--json", cwd=copied.root).json() for run in runs]
    for member, each in zip(size["members"], alone, strict=True):
        (single,) = each["metrics"]["sizes"]
        assert member == {key: single[key] for key in member}
        assert set(member) == {"rmse", "relative_error", "rmse_over_std", "rmse_per_site", "bias_per_site"}
    assert Path(found["outputs"]["table"]).parent not in runs


def test_predict(copied: Workshop):
    spins = np.tile(np.array([0.0, 0.0, 1.0]).reshape(1, 3, 1, 1), (5, 1, 7, 7))
    np.save(copied.root / "up.npy", spins)
    run = copied.run("lattice net")
    outcome = call("predict", run, "--spins", "up.npy", "--json", cwd=copied.root)
    found = checked(outcome, "predict", {"energies"}, {"samples", "mean", "std"})
    assert found["metrics"]["samples"] == 5
    assert (copied.root / found["outputs"]["energies"]).is_file()
    assert found["outputs"]["energies"].endswith(".h5")


def test_planned(copied: Workshop):
    before = files_below(copied.root)
    generate = call("generate", "heisenberg", "--L", 4, "--samples", 24, "--dry-run", "--json", cwd=copied.root)
    train = call("train", "system=heisenberg", "depth=2", "epochs=1", "--dry-run", "--json", cwd=copied.root)
    extrapolate = call("extrapolate", copied.run("lattice net"), "--L", 9, "--dry-run", "--json", cwd=copied.root)
    for outcome, command in ((generate, "generate"), (train, "train"), (extrapolate, "extrapolate")):
        found = outcome.done().json()
        assert set(found) == TOP
        assert (found["command"], found["status"]) == (command, "planned")
    assert generate.json()["outputs"]["dataset"].startswith("data/heisenberg-L4-n24-s0-")
    assert train.json()["outputs"]["run"].startswith("outputs/heisenberg-efnn-d2-s0-")
    assert files_below(copied.root) == before, "a dry run wrote something"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("heisenberg",), "heisenberg-L10-n20000-s0-"),
        (("double_exchange",), "double_exchange-L10-n20000-s0-"),
        (("three_spin",), "three_spin-L15-n20000-s0-"),
        (("heisenberg", "system.variant=infinite_range"), "heisenberg-L15-n20000-s0-"),
    ],
)
def test_defaults_of_generate(here: Path, words: tuple[str, ...], name: str):
    plan = call("generate", *words, "--dry-run", "--json", cwd=here).done().json()
    assert plan["outputs"]["dataset"].startswith(f"data/{name}")
    assert plan["metrics"]["samples"] == 20_000


def test_defaults_of_extrapolate(workshop: Workshop):
    run = workshop.run("lattice net")
    plan = call("extrapolate", run, "--dry-run", "--json", cwd=workshop.root).done().json()
    assert [(each["L"], each["samples"]) for each in plan["metrics"]["sizes"]] == [(6, 64), (12, 64), (24, 64)]
    plan = call("extrapolate", run, "--L", "40,41,64,65", "--dry-run", "--json", cwd=workshop.root).done().json()
    assert [each["samples"] for each in plan["metrics"]["sizes"]] == [64, 16, 16, 4]


def test_plan_is_what_is_done(here: Path):
    command = ("generate", "heisenberg", "--L", 4, "--samples", 24, "--json")
    planned = call(*command, "--dry-run", cwd=here).json()
    assert not files_below(here)
    done = call(*command, cwd=here).json()
    assert planned["outputs"] == done["outputs"]
    planned_run = call("train", "epochs=1", "depth=1", "--dry-run", "--json", cwd=here).json()
    run = call("train", "epochs=1", "depth=1", "--json", cwd=here).json()
    assert planned_run["outputs"]["run"] == run["outputs"]["run"]
    assert planned_run["metrics"]["parameters"] == run["metrics"]["parameters"]


@pytest.mark.parametrize(
    ("command", "code", "args"),
    [
        ("generate", 2, ("heisenberg", "--no-such-option")),
        ("train", 2, ("depth=0",)),
        ("evaluate", 2, ("split=al",)),
        ("extrapolate", 3, ()),
        ("predict", 3, ("outputs/none", "--spins", "none.npy")),
        ("inspect", 3, ("none.h5",)),
        ("config", 2, ("nothing",)),
    ],
)
def test_error(here: Path, command: str, code: int, args: tuple[object, ...]):
    outcome = call(command, *args, "--json", cwd=here)
    found = outcome.json()
    assert set(found) == ERROR
    assert (found["schema_version"], found["command"], found["status"]) == (1, command, "error")
    assert outcome.code == found["code"] == code
    assert found["message"]
    assert isinstance(found["hint"], str)
    assert found["message"] in outcome.err
    assert not files_below(here)


def test_inspect_and_config_give_one_object(workshop: Workshop):
    found = call("inspect", workshop.dataset("scalar"), "--json", cwd=workshop.root).done().json()
    assert set(found) == TOP
    assert found["metrics"]["samples"] == 60
    assert set(call("config", "--json", cwd=workshop.root).done().json()) == TOP


def test_paths_are_relative_to_the_current_directory(copied: Workshop):
    inside = copied.root / "mine" / "d.h5"
    args = ("generate", "heisenberg", "--L", 4, "--samples", 24, "--json", "--out")
    assert call(*args, inside, cwd=copied.root).json()["outputs"]["dataset"] == "mine/d.h5"
    (copied.root / "sub").mkdir()
    outcome = call(*args, "../beside.h5", cwd=copied.root / "sub")
    assert outcome.json()["outputs"]["dataset"] == "../beside.h5"
    run = copied.root / copied.run("lattice net")
    outcome = call("evaluate", run, "--out", copied.root / "p.h5", "--json", cwd=copied.root)
    assert outcome.json()["outputs"] == {"predictions": "p.h5"}
