"""The JSON objects of every command: exactly the keys of the contract, one object, no NaN."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from efnn_cli.evaluation.calibration import LABELS

from .conftest import Outcome, Workshop, call, files_below

TOP = {"schema_version", "command", "status", "warnings", "outputs", "metrics"}
ERROR = {"schema_version", "command", "status", "code", "message", "hint"}
GENERATE = {"samples", "mean", "std", "seconds", "samples_per_second", "reference"}
TRAIN = {"parameters", "epochs", "seconds", "samples_per_second", "train", "val", "test"}
PART = {"rmse", "relative_error", "rmse_over_std"}
EVALUATE = {"samples", "rmse", "mae", "bias", "relative_error", "rmse_over_std", "r2", "weights"} | {"outside"}
PER_SITE = {"rmse_per_site", "mae_per_site", "bias_per_site"}
MEMBER = {"rmse", "relative_error", "rmse_over_std", "rmse_per_site", "bias_per_site"}
TIMES = {"seconds_per_configuration", "reference_seconds_per_configuration", "speedup"}
SIZE = MEMBER | TIMES | {"L", "samples", "reference", "outside"}
DEFINED = {"members", "rms_spread", "member_rmse", "expected_if_independent", "expected_if_exchangeable"}
CALIBRATION = DEFINED | {"error_over_spread", "common_error", "bias_over_spread", "rank_correlation"}
CALIBRATION |= {"within_1_spread", "within_2_spreads"}
NET, TWIN, FIT = "lattice net", "lattice twin", "hopping fit"


def checked(outcome: Outcome, command: str, outputs: set[str], metrics: set[str], status: str = "ok") -> dict[str, Any]:
    found = outcome.done().json()
    assert set(found) == TOP
    assert (found["schema_version"], found["command"], found["status"]) == (1, command, status)
    assert all(isinstance(each, str) for each in found["warnings"])
    assert set(found["outputs"]) == outputs
    assert set(found["metrics"]) == metrics
    return found


def evaluated(shop: Workshop, *words: object, more: set[str] = frozenset()) -> dict[str, Any]:
    """The metrics of `efnn evaluate`."""
    outcome = call("evaluate", *words, "--json", cwd=shop.root)
    return checked(outcome, "evaluate", set(), EVALUATE | PER_SITE | more)["metrics"]


def test_generate(workshop: Workshop):
    found = checked(workshop.made["lattice"], "generate", {"dataset"}, GENERATE)
    path = found["outputs"]["dataset"]
    assert re.fullmatch(r"data/heisenberg-L6-n60-s0-[0-9a-f]{8}\.h5", path)
    assert (workshop.root / path).is_file()
    assert (found["metrics"]["samples"], found["metrics"]["reference"]) == (60, "formula")
    assert found["metrics"]["seconds"] > 0
    assert found["metrics"]["std"] > 0


@pytest.mark.parametrize(
    ("name", "folder", "parameters"),
    [
        (TWIN, "heisenberg-efnn-d1-s1", None),
        ("binary net", "three_spin-dnn-d1-s0", 7 * 8 + 9 * 8 + 2 * 9 * 8),
        (FIT, "double_exchange-effective-d0-s0", 13),
    ],
)
def test_train(workshop: Workshop, name: str, folder: str, parameters: int | None):
    found = checked(workshop.made[name], "train", {"run", "checkpoint"}, TRAIN)
    metrics, outputs = found["metrics"], found["outputs"]
    assert re.fullmatch(rf"outputs/{folder}-[0-9a-f]{{8}}", outputs["run"])
    assert outputs["checkpoint"] == f"{outputs['run']}/best.h5"
    assert all(set(metrics[part]) == PART for part in ("train", "val", "test"))
    assert metrics["epochs"] == (1 if name == FIT else 2)
    assert metrics["parameters"] == parameters or parameters is None
    defined = [metrics[part]["relative_error"] for part in ("train", "val", "test")]
    assert {TWIN: defined == [None] * 3, FIT: None not in defined}.get(name, True), "null where the mean is small"
    folder_files = {each.name for each in (workshop.root / outputs["run"]).iterdir()}
    assert folder_files == {"config.yaml", "run.log", "metrics.csv", "last.h5", "best.h5", "summary.json", "lock"}
    summary = json.loads((workshop.root / outputs["run"] / "summary.json").read_text(), parse_constant=pytest.fail)
    assert summary["metrics"] == metrics


@pytest.mark.parametrize("name", [NET, FIT])
def test_evaluate(workshop: Workshop, name: str):
    metrics = evaluated(workshop, workshop.run(name))
    assert (metrics["samples"], metrics["weights"]) == (12, "best")
    test = workshop.made[name].json()["metrics"]["test"]
    assert {key: metrics[key] for key in PART} == pytest.approx(test)
    sites = 36 if name == NET else 16
    assert all(metrics[key] == metrics[key.removesuffix("_per_site")] / sites for key in PER_SITE)
    assert metrics["r2"] == pytest.approx(1 - metrics["rmse_over_std"] ** 2)


def test_evaluate_an_ensemble(workshop: Workshop):
    runs = [workshop.run(NET), workshop.run(TWIN)]
    metrics = evaluated(workshop, *runs, more={"members", "spread", "calibration"})
    members, calibration = metrics["members"], metrics["calibration"]
    for member, name in zip(members, (NET, TWIN), strict=True):
        assert member["rmse"] == pytest.approx(workshop.made[name].json()["metrics"]["test"]["rmse"])
    assert metrics["spread"] > 0
    assert set(calibration) == CALIBRATION
    assert calibration["members"] == 2
    assert calibration["error_over_spread"] == pytest.approx(metrics["rmse"] / calibration["rms_spread"])
    assert calibration["member_rmse"] ** 2 == pytest.approx(sum(member["rmse"] ** 2 for member in members) / 2)
    text = call("evaluate", *runs, cwd=workshop.root).done().out
    assert all(LABELS[key] in text for key in CALIBRATION - {"members"})
    same = evaluated(workshop, *[runs[0]] * 3, more={"members", "spread", "calibration"})["calibration"]
    undefined = {key for key, value in same.items() if value is None}
    assert undefined == CALIBRATION - DEFINED, "members that do not differ tell nothing: null, not NaN"


def test_evaluate_one_configuration(copied: Workshop):
    made = call("generate", "heisenberg", "--L", 6, "--samples", 1, "--seed", 5, "--json", cwd=copied.root)
    data = made.done().json()["outputs"]["dataset"]
    assert made.json()["metrics"]["std"] == 0
    metrics = evaluated(copied, copied.run(NET), "--data", data)
    assert (metrics["samples"], metrics["rmse_over_std"], metrics["r2"]) == (1, None, None)
    assert metrics["rmse"] == pytest.approx(abs(metrics["bias"]))


def extrapolated(shop: Workshop, *words: object) -> list[dict[str, Any]]:
    """The sizes of `efnn extrapolate`."""
    outcome = call("extrapolate", *words, "--samples", 3, "--json", cwd=shop.root)
    found = checked(outcome, "extrapolate", {"table", "figure"}, {"sizes"})
    assert [Path(found["outputs"][key]).suffix for key in ("table", "figure")] == [".csv", ".png"]
    assert all((shop.root / path).stat().st_size > 0 for path in found["outputs"].values())
    return found["metrics"]["sizes"]


def test_extrapolate(copied: Workshop):
    runs = [copied.run(NET), copied.run(TWIN)]
    sizes = extrapolated(copied, runs[0], "--L", "8,5")
    assert [each["L"] for each in sizes] == [5, 8]
    for each in sizes:
        assert set(each) == SIZE
        assert (each["samples"], each["reference"], each["relative_error"]) == (3, "formula", None)
        assert each["rmse_per_site"] == pytest.approx(each["rmse"] / each["L"] ** 2)
        speedup = each["reference_seconds_per_configuration"] / each["seconds_per_configuration"]
        assert each["speedup"] == pytest.approx(speedup)
    (size,) = extrapolated(copied, *runs, "--L", 5)
    assert set(size) == SIZE | {"members", "spread_per_site", "calibration"}
    assert set(size["calibration"]) == CALIBRATION
    assert size["spread_per_site"] == pytest.approx(size["calibration"]["rms_spread"] / 25)
    for member, run in zip(size["members"], runs, strict=True):
        (single,) = extrapolated(copied, run, "--L", 5)
        assert member == {key: single[key] for key in MEMBER}


def test_predict(copied: Workshop):
    outcome = call("predict", copied.run(NET), "--spins", "s.npy", "--json", cwd=copied.root)
    found = checked(outcome, "predict", {"energies"}, {"samples", "mean", "std", "outside"})
    assert found["metrics"]["samples"] == 2
    assert (copied.root / found["outputs"]["energies"]).is_file()
    assert found["outputs"]["energies"].endswith(".h5")


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
    before = files_below(workshop.root)
    words = ("extrapolate", workshop.run(NET), "--dry-run", "--json")
    plan = checked(call(*words, cwd=workshop.root), "extrapolate", {"table"}, {"sizes"}, "planned")
    assert [(each["L"], each["samples"]) for each in plan["metrics"]["sizes"]] == [(6, 64), (12, 64), (24, 64)]
    plan = call(*words, "--L", "40,41,64,65", cwd=workshop.root).done().json()
    assert [each["samples"] for each in plan["metrics"]["sizes"]] == [64, 16, 16, 4]
    assert files_below(workshop.root) == before, "a dry run wrote something"


def test_plan_is_what_is_done(here: Path):
    for command in (("generate", "heisenberg", "--L", 4, "--samples", 24), ("train", "epochs=1", "depth=1")):
        before = files_below(here)
        planned = call(*command, "--dry-run", "--json", cwd=here).done().json()
        assert (set(planned), planned["command"], planned["status"]) == (TOP, command[0], "planned")
        assert files_below(here) == before, "a dry run wrote something"
        done = call(*command, "--json", cwd=here).done().json()
        assert planned["outputs"].items() <= done["outputs"].items()
        assert planned["metrics"].get("parameters") == done["metrics"].get("parameters")
    shown = call("train", "budget=10min", "depth=1", "--dry-run", cwd=here).done().out
    rows = dict(line.split(maxsplit=1) for line in shown.splitlines())
    assert (rows["budget"], rows["model"], rows["samples"]) == ("10min", "efnn", "24")
    assert rows["recipe"] == "default/heisenberg_lattice-efnn"
    assert rows["dataset"].startswith("data/heisenberg-L4")
    assert "epochs" not in rows


@pytest.mark.parametrize(
    ("command", "code", "args"),
    [
        ("generate", 2, ("heisenberg", "--no-such-option")),
        ("train", 2, ("depth=0",)),
        ("extrapolate", 3, ()),
        ("predict", 3, ("outputs/none", "--spins", "none.npy")),
        ("export", 3, ("outputs/none",)),
        ("relabel", 3, ("none.h5", "system.T=0.05")),
        ("sample", 3, ("outputs/none",)),
        ("learn", 2, ("double_exchange", "rounds=0")),
    ],
)
def test_error(here: Path, command: str, code: int, args: tuple[object, ...]):
    outcome = call(command, *args, "--json", cwd=here)
    found = outcome.json()
    assert set(found) == ERROR
    assert (found["schema_version"], found["command"], found["status"]) == (1, command, "error")
    assert outcome.code == found["code"] == code
    assert found["message"] in outcome.err
    assert isinstance(found["hint"], str)
    assert not files_below(here)


def test_inspect_and_config_give_one_object(workshop: Workshop):
    found = call("inspect", workshop.dataset("scalar"), "--json", cwd=workshop.root).done().json()
    assert set(found) == TOP
    assert found["metrics"]["samples"] == 60
    assert set(call("config", "--json", cwd=workshop.root).done().json()) == TOP


def test_inspect_is_short_but_with_v(workshop: Workshop):
    """No list stands as a shape, none as Python writes it."""
    for path in (workshop.run(NET), workshop.run(NET) / "best.h5", workshop.dataset("hopping")):
        brief = call("inspect", path, cwd=workshop.root).done()
        whole = call("inspect", path, "-v", cwd=workshop.root).done()
        assert len(brief.out.splitlines()) < 35 < len(whole.out.splitlines())
        assert "-v shows all" in brief.err
        assert not re.search(r"\.\d+x|[{}\[\]]|True|False", whole.out)
    assert "metadata.system.twist" in brief.out
    assert re.search(r"^shape +3x4x4$", brief.out, re.MULTILINE)


def test_paths_are_relative_to_the_current_directory(copied: Workshop):
    inside = copied.root / "mine" / "d.h5"
    args = ("generate", "heisenberg", "--L", 4, "--samples", 24, "--json", "--out")
    assert call(*args, inside, cwd=copied.root).json()["outputs"]["dataset"] == "mine/d.h5"
    (copied.root / "sub").mkdir()
    outcome = call(*args, "../beside.h5", cwd=copied.root / "sub")
    assert outcome.json()["outputs"]["dataset"] == "../beside.h5"
    run = copied.root / copied.run(NET)
    outcome = call("evaluate", run, "--out", copied.root / "p.h5", "--json", cwd=copied.root)
    assert outcome.json()["outputs"] == {"predictions": "p.h5"}
