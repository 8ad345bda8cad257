"""What goes to stdout and what to stderr, how much of it, and how the words may be ordered."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import pytest
import typer
import yaml

from efnn_cli.cli.app import app

from .conftest import COMMANDS, Workshop, call, environment, run_efnn

HEAVY = ("torch", "h5py", "matplotlib", "hydra", "scipy", "numpy")
LATTICE = ("generate", "heisenberg", "--L", 4, "--samples", 24)


@pytest.mark.parametrize(
    "words",
    [["--help"], ["generate", "-h"], ["no-such-command"]],
)
def test_help_starts_fast(tmp_path: Path, words: list[str]):
    """It must not import what takes seconds."""
    script = (
        "import sys\n"
        "from efnn_cli.cli import main\n"
        f"main({words!r})\n"
        f"print('imported', *sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stderr.splitlines()[-1] == "imported"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command(here: Path, command: str):
    outcome = call(command, "-h", cwd=here).done()
    assert "Usage" in outcome.out
    assert command in outcome.out
    assert outcome.err == ""
    for each in ("--json", "--quiet", "--debug", "--help", "-v", "-q"):
        assert each in outcome.out


OPTIONS = {
    "generate": "--L --samples --seed --spins --device --workers --out --overwrite --dry-run",
    "train": "--data --device --out --resume --overwrite --dry-run",
    "evaluate": "--data --device --out",
    "extrapolate": "--L --samples --seed --device --workers --out",
    "predict": "--spins --device --out",
}


@pytest.mark.parametrize("command", OPTIONS)
def test_options_of_the_contract(here: Path, command: str):
    shown = call(command, "--help", cwd=here).out
    assert [each for each in OPTIONS[command].split() if each not in shown] == []


def test_help_swallows_nothing(here: Path, monkeypatch: pytest.MonkeyPatch):
    """Typer hands help to rich, which takes what stands in brackets for a style: every word must still be shown."""
    monkeypatch.setenv("COLUMNS", "400")
    root = cast(Any, typer.main.get_command(app))
    for name, command in root.commands.items():
        shown = set(call(name, "--help", cwd=here).out.split())
        texts = [command.help, *(getattr(each, "help", None) for each in command.params)]
        assert [word for text in texts if text for word in text.split() if word not in shown] == [], name


def test_version(here: Path):
    outcome = run_efnn("--version", cwd=here).done()
    assert outcome.out == f"efnn {version('efnn')}\n"
    assert outcome.err == ""


def test_help_lists_the_commands(here: Path):
    outcome = call("--help", cwd=here).done()
    assert all(each in outcome.out for each in COMMANDS)
    assert outcome.err == ""


def test_table_on_stdout_and_messages_on_stderr(workshop: Workshop):
    shown = call("evaluate", workshop.run("lattice net"), cwd=workshop.root).done()
    head, *errors = (line.split() for line in shown.out.splitlines()[:4])
    assert head == ["energy", "per", "site"]
    assert [line[0] for line in errors] == ["RMSE", "MAE", "bias"]
    assert re.search(r"^RMSE/std +\d.*\(\d", shown.out, re.MULTILINE)
    assert re.search(r"^relative error +-$", shown.out, re.MULTILINE)
    assert "test split" in shown.err
    assert "nan" not in shown.out.lower()


def test_messages_say_what_happens(workshop: Workshop):
    made = workshop.made["lattice"].err
    assert "cpu" in made, "the choice of the device is printed"
    assert re.search(r"60/60", made), "off a terminal progress is a line"
    assert "\r" not in made
    assert "\x1b" not in made
    trained = workshop.made["lattice net"].err
    assert "training efnn on cpu" in trained
    assert re.search(r"\b2/2 epochs", trained)


def test_quiet(here: Path):
    outcome = call(*LATTICE, "-q", "--json", cwd=here).done()
    assert outcome.err == ""
    assert outcome.json()["metrics"]["samples"] == 24
    outcome = call("train", "epochs=1", "depth=1", "--quiet", "--json", cwd=here).done()
    lines = outcome.err.splitlines()
    assert all(line.startswith("warning: ") for line in lines)
    assert [line.removeprefix("warning: ") for line in lines] == outcome.json()["warnings"]
    assert call("inspect", outcome.json()["outputs"]["run"], "-q", cwd=here).done().err == ""
    call("train", "depth=0", "-q", cwd=here).failed(2, "depth")


def test_warnings_are_in_the_result(here: Path):
    """A receptive field wider than the training lattice is the one thing to be warned of here."""
    call(*LATTICE, cwd=here).done()
    outcome = call("train", "epochs=1", "depth=1", "--json", cwd=here).done()
    (warning,) = outcome.warnings()
    assert "receptive field" in warning
    assert f"warning: {warning}" in outcome.err


@pytest.mark.parametrize(("args", "code"), [(("train",), 3), (("trian",), 2)])
def test_traceback_only_with_debug(here: Path, args: tuple[str, ...], code: int):
    call(*args, cwd=here).failed(code)
    outcome = call(*args, "--debug", cwd=here)
    assert outcome.code == code
    assert "Traceback" in outcome.err
    assert "error: " in outcome.err
    assert outcome.out == ""


def test_any_order_in_generate(here: Path):
    orders = (
        ("generate", "three_spin", "--L", 6, "--samples", 24, "seed=3", "system.r=2"),
        ("generate", "--L", 6, "three_spin", "system.r=2", "--samples", 24, "seed=3"),
        ("generate", "--samples", 24, "three-spin", "seed=3", "--L", 6, "system.r=2"),
        ("generate", "three_spin", "system.L=6", "--seed", 3, "samples=24", "system.r=2"),
    )
    plans = [call(*order, "--dry-run", "--json", cwd=here).json() for order in orders]
    assert all(plan == plans[0] for plan in plans)
    assert plans[0]["outputs"]["dataset"].startswith("data/three_spin-L6-n24-s3-")


def test_settings_before_the_system_or_the_run(workshop: Workshop, copied: Workshop):
    plan = ("--L", 6, "--samples", 60, "--dry-run", "--json")
    usual = call("generate", "heisenberg", "system.J1=2", *plan, cwd=workshop.root).done()
    assert call("generate", "system.J1=2", "heisenberg", *plan, cwd=workshop.root).done().json() == usual.json()
    words = ("--spins", copied.dataset("lattice"), "--json")
    usual = call("predict", copied.run("lattice net"), "device=cpu", *words, cwd=copied.root).done()
    assert call("predict", "device=cpu", copied.run("lattice net"), *words, cwd=copied.root).json() == usual.json()


def test_any_order_in_evaluate_and_extrapolate(workshop: Workshop):
    one, other = workshop.run("lattice net"), workshop.run("lattice twin")
    orders = (
        (one, other, "split=val", "--device", "cpu"),
        ("split=val", one, "--device", "cpu", other),
        (one, "device=cpu", "split=val", other),
    )
    results = [call("evaluate", *order, "--json", cwd=workshop.root).done().json() for order in orders]
    assert all(result == results[0] for result in results)
    assert len(results[0]["metrics"]["members"]) == 2
    orders = (
        (one, "--L", "8,5", "--samples", 4, "reference=formula", "--dry-run"),
        ("reference=formula", "--samples", 4, one, "--dry-run", "--L", "8,5"),
    )
    results = [call("extrapolate", *order, "--json", cwd=workshop.root).done().json() for order in orders]
    assert results[0] == results[1]
    assert [each["L"] for each in results[0]["metrics"]["sizes"]] == [5, 8]


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("train",),
        ("train", "system=double_exchange", "model=efnn", "depth=2"),
        ("train", "training=paper", "system=three_spin"),
        ("generate", "system=three_spin", "system.r=2", "samples=24"),
        ("generate", "system.J=8", "double_exchange"),
        ("evaluate", "split=val"),
        ("extrapolate", "L=[5,8]"),
    ],
    ids=" ".join,
)
def test_config(here: Path, args: tuple[str, ...]):
    text = call("config", *args, cwd=here).done()
    found = call("config", *args, "--json", cwd=here).done().json()
    assert yaml.safe_load(text.out) == found["metrics"]
    assert found["command"] == "config"
    for each in args:
        key, equals, value = each.partition("=")
        if equals and key in found["metrics"] and not isinstance(found["metrics"][key], dict):
            assert found["metrics"][key] == yaml.safe_load(value)
    assert not list(here.iterdir())


@pytest.mark.parametrize("name", ["lattice net", "binary net", "hopping fit"])
def test_inspect(workshop: Workshop, name: str):
    run = workshop.run(name)
    found = call("inspect", run, "--json", cwd=workshop.root).done().json()["metrics"]
    assert (found["kind"], found["status"]) == ("run", "finished")
    assert found["summary"]["metrics"] == workshop.made[name].json()["metrics"]
    best = call("inspect", run / "best.h5", "--json", cwd=workshop.root).done().json()["metrics"]
    assert best["kind"] == "checkpoint"
    assert best["config"] == found["config"]
    call("inspect", run / "last.h5", cwd=workshop.root).done()
    assert "finished" in call("inspect", run, cwd=workshop.root).done().out


def test_inspect_a_dataset(workshop: Workshop):
    shown = call("inspect", workshop.dataset("hopping"), "--json", cwd=workshop.root).done().json()["metrics"]
    made = workshop.made["hopping"].json()["metrics"]
    assert shown["kind"] == "dataset"
    assert shown["shape"] == [3, 4, 4]
    assert shown["energy"]["mean"] == pytest.approx(made["mean"])
    assert shown["metadata"]["system"]["J"] == 16.0
    assert shown["metadata"]["sampling"] == "uniform_sphere"
    assert "double_exchange" in call("inspect", workshop.dataset("hopping"), cwd=workshop.root).out


def test_one_size_is_a_list_too(workshop: Workshop):
    words = ("extrapolate", workshop.run("lattice net"), "--samples", 3, "--dry-run", "--json")
    plans = [call(*words, *size, cwd=workshop.root).done().json() for size in (("L=8",), ("--L", 8), ("L=[8]",))]
    assert plans[0] == plans[1] == plans[2]
    assert [each["L"] for each in plans[0]["metrics"]["sizes"]] == [8]
    assert call(*words, "L=8", "--L", 8, cwd=workshop.root).done().json() == plans[0]


@pytest.mark.parametrize(
    ("given", "spins"), [({}, "20000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "None")]
)
def test_threads_give_way_unless_told_otherwise(here: Path, given: dict[str, str], spins: str):
    """Set before PyTorch is loaded, which is when it is read, and never against the user."""
    code = (
        "import os, sys; from efnn_cli import __main__ as entry\n"
        "entry.share_cores(); print(os.environ.get('GOMP_SPINCOUNT'), 'torch' in sys.modules)"
    )
    env = {key: value for key, value in environment().items() if not key.startswith(("GOMP_", "OMP_WAIT"))}
    done = subprocess.run([sys.executable, "-c", code], cwd=here, env=env | given, capture_output=True, text=True)
    assert done.stdout.split() == [spins, "False"], done.stderr
