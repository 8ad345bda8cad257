"""The words of a command line: options said twice, words that were meant for something else, `~`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import efnn_cli
from efnn_cli.cli.app import app

from .conftest import SMALL, Workshop, call, files_below


def commands() -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """Every command, as it is typed, with its parameters."""
    for name, command in typer.main.get_command(app).commands.items():
        for sub, each in getattr(command, "commands", {"": command}).items():
            yield (name, sub) if sub else (name,), each.params


def options() -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Options that take one value, each of the first command that has it: its words, its name, its metavar."""
    known = set()
    for words, parameters in commands():
        for option in parameters:
            single = option.param_type_name == "option" and not option.is_flag and not option.multiple
            if single and option.opts[0] not in known:
                known.add(option.opts[0])
                needed = [each for each in parameters if each.required and each is not option]
                besides = ["x" for each in needed if each.param_type_name == "argument"]
                besides += [f"{each.opts[0]}=x" for each in needed if each.param_type_name == "option"]
                yield (*words, *besides), option.opts[0], option.metavar or ""


@pytest.mark.parametrize(("words", "name", "metavar"), list(options()), ids=str)
def test_an_option_with_two_values(here: Path, words: tuple[str, ...], name: str, metavar: str):
    hint = f"{name} 4,8" if "[," in metavar else "keep one of them"
    call(*words, name, 4, f"{name}=8", cwd=here).failed(2, f"{name} takes one value, found '4' and '8'", hint)
    assert not files_below(here)


def test_the_home_folder(copied: Workshop, monkeypatch: pytest.MonkeyPatch):
    """No shell replaces `~` in `--out=~/x`, nor between quotation marks."""
    monkeypatch.setenv("HOME", str(copied.root))
    away = copied.root / "away"
    (away / "my").mkdir(parents=True)
    (copied.root / "my").mkdir()
    run, data, net = f"~/{copied.run('lattice net')}", f"~/{copied.dataset('lattice')}", ("depth=1", *SMALL)
    for number, words in enumerate(
        [
            ("generate", "heisenberg", "--spins=~/s.npy", "--out=~/0.h5", "--config-dir=~/my"),
            ("train", f"--data={data}", "--out=~/1.h5", *net),
            ("evaluate", run, f"--data={data}", "--out=~/2.h5"),
            ("predict", run, "--spins=~/s.npy", "--out=~/3.h5"),
            ("extrapolate", run, "--L", 4, "--samples", 2, "--out=~/4.h5"),
            ("plot", "parity", run, f"--data={data}", "--out=~/5.h5"),
        ]
    ):
        call(*words, cwd=away).done()
        assert list(copied.root.glob(f"{number}.h5*"))
    call("inspect", "~/2.h5", cwd=away).done()
    call("train", "--resume=~/1.h5", cwd=away).done()
    assert efnn_cli.load(run).path == copied.root / copied.run("lattice net")
    assert not (away / "~").exists()


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("train --depth 3", "depth=3"),
        ("train model=resnet --kernel-size 3", "model.kernel_size=3"),
        ("evaluate --split val", "split=val"),
        ("generate heisenberg --J1 2", "system.J1=2"),
        ("compare --model efnn", "efnn compare --help"),
        ("train data=x.h5", "--data x.h5"),
        ("train logger=tensorboard", "efnn config train shows all keys"),
        ("train batch=20", "did you mean training.batch_size?"),
        ("generate heisenberg spin_temperature=0.1,0.5", "one command for each value"),
        ("train depth=1,2", "efnn train -m depth=1,2"),
        ("train 'seed=range(3)'", "efnn train -m 'seed=range(3)'"),
        ("compare depth=1,2", "--grid depth=1,2"),
    ],
)
def test_what_was_meant(here: Path, line: str, hint: str):
    """The hint is all that is said: nothing beside it leads astray."""
    outcome = call(*shlex.split(line), cwd=here).failed(2)
    assert f"{hint} " in f"{outcome.err.splitlines()[-1]} "
    assert "Possible options: --data" not in outcome.err


RECIPES = ("config", "train", "system=heisenberg", "system.variant=infinite_range", "--json")


@pytest.mark.parametrize("text", ["depth=03", "depth=${system.L}"])
def test_a_recipe_goes_by_the_number(here: Path, text: str):
    """However it was typed."""
    found = call(*RECIPES, "system.L=3", text, cwd=here).done().json()["metrics"]
    assert found["training"]["name"] == "default/infinite_range-efnn-d3"
    assert (found["training"]["epochs"], found["training"]["optimizer"]) == (250, "soap")


def test_decisions_go_by_values(copied: Workshop, monkeypatch: pytest.MonkeyPatch):
    """Not by their text: sizes of given spins, the device of a run that goes on, keys with a plus sign."""
    monkeypatch.setenv("NUMBER", "2")
    monkeypatch.setenv("DEVICE", "cpu")
    root, data = copied.root, copied.dataset("binary")
    for text in ("samples=02", "samples=${oc.env:NUMBER}", "system.L=06"):
        call("generate", "heisenberg", "--spins", "s.npy", text, "--dry-run", cwd=root).done()
    call("generate", "heisenberg", "--spins", "s.npy", "samples=03", cwd=root).failed(3, "samples = 2", "samples=03")
    call("train", "--resume", copied.run("lattice net"), "device=${oc.env:DEVICE}", cwd=root).done()
    plan = call("train", "-m", "+system=three_spin", "depth=1", "--dry-run", "--json", cwd=root).done().json()
    assert "three_spin" in plan["metrics"]["runs"][0]["run"]
    assert call("config", "generate", "+system=three_spin", "--json", cwd=root).done().json()["metrics"]["system"]
    words = ("compare", "--data", data, "--dry-run")
    call(*words, "--grid", "lr=0.01,1e-2", cwd=root).failed(2, "give each of them once")
    call(*words, "--grid", "model.width=3,5", cwd=root).failed(2, "--parameters says how large")
    call(*words, "+model=dnn", cwd=root).failed(2, "--models efnn,resnet")


def test_a_folder_of_files_of_ones_own(here: Path):
    """Whatever it is called."""
    name = "it's [a=b c,$#%:"
    (here / name / "training").mkdir(parents=True)
    (here / name / "training" / "mine.yaml").write_text("# @package _global_\ntraining:\n  batch_size: 20\n")
    words = ("config", "train", "training=mine", "--config-dir", name)
    assert call(*words, "--json", cwd=here).done().json()["metrics"]["training"]["batch_size"] == 20
    call(*words, "batchsize=3", cwd=here).failed(2, "did you mean training.batch_size?")
