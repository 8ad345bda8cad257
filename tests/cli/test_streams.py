"""What goes to stdout and what to stderr, how much of it, and how the words may be ordered."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest

from efnn_cli.config.keys import SAME_KEYS, SHORT_NAMES, configured, settable
from efnn_cli.config.recipes import flat

from .conftest import COMMANDS, Workshop, call, run_efnn

LATTICE = ("generate", "heisenberg", "--L", 4, "--samples", 24)


OPTIONS = {
    "generate": "--L --samples --seed --spins --device --workers --out --overwrite --dry-run",
    "train": "--data --device --out --resume --overwrite --dry-run",
    "evaluate": "--data --device --out",
    "extrapolate": "--L --samples --seed --device --workers --out",
    "predict": "--spins --device --out",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command(here: Path, command: str):
    outcome = call(command, "-h", cwd=here).done()
    assert outcome.err == ""
    wanted = f"Usage --json --quiet --debug --help -v -q {OPTIONS.get(command, '')}"
    assert [each for each in wanted.split() if each not in outcome.out] == []


def test_version(here: Path):
    outcome = run_efnn("--version", cwd=here).done()
    assert outcome.out == f"efnn {version('efnn')}\n"
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


def test_traceback_only_with_debug(here: Path):
    call("train", cwd=here).failed(3)
    outcome = call("train", "--debug", cwd=here)
    assert outcome.code == 3
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


def test_any_order_in_evaluate(workshop: Workshop):
    one, other = workshop.run("lattice net"), workshop.run("lattice twin")
    orders = (
        (one, other, "split=val", "--device", "cpu"),
        ("split=val", one, "--device", "cpu", other),
        (one, "device=cpu", "split=val", other),
    )
    results = [call("evaluate", *order, "--json", cwd=workshop.root).done().json() for order in orders]
    assert all(result == results[0] for result in results)
    assert len(results[0]["metrics"]["members"]) == 2


@pytest.mark.parametrize(
    ("args", "wanted"),
    [
        ((), {"default": {"depth": "3", "model.kernel_size": "5", "training.optimizer": "adam"}}),
        (
            ("train", "system=double_exchange", "model=efnn", "model.depth=2", "--config-dir", "mine", "training=mine"),
            {
                "command line": {"system": "double_exchange", "model": "efnn", "depth": "2", "training": "mine"},
                "recipe mine": {"epochs": "7"},
                "recipe default/double_exchange": {"width": "24", "training.optimizer": "soap"},
                "default": {"seed": "0", "system.J": "16.0", "training.ema": "0.0"},
            },
        ),
        (
            ("generate", "system=three_spin", "samples=24"),
            {"command line": {"samples": "24"}, "default": {"seed": "0"}},
        ),
        (("extrapolate", "L=[5,8]"), {"command line": {"L": "[5, 8]"}, "default": {"reference": "auto"}}),
        (("reproduce",), {"preset three_spin": {"experiment.sweeps.widths.axis": "width"}}),
        (("learn",), {"default": {"rounds": "4", "system.J": "16.0"}}),
        (("learn", "heisenberg", "rounds=2"), {"command line": {"system": "heisenberg", "rounds": "2"}}),
    ],
)
def test_config(here: Path, args: tuple[str, ...], wanted: dict[str, dict[str, str]]):
    """Every value stands once under its origin; the JSON has the same values."""
    (here / "mine" / "training").mkdir(parents=True)
    recipe = (
        "# @package _global_\ndefaults:\n  - /training/default/double_exchange\nepochs: 7\ntraining: {name: mine}\n"
    )
    (here / "mine" / "training" / "mine.yaml").write_text(recipe)
    found: dict[str, dict[str, str]] = {}
    for line in call("config", *args, cwd=here).done().out.splitlines():
        if line[:1].strip():
            values = found.setdefault(line, {})
        elif line[2:3].strip():
            key, value, *_ = [*re.split(" {2,}", line.strip()), ""]
            assert not any(key in each for each in found.values()), key
            values[key] = value
    for origin, values in wanted.items():
        assert values.items() <= found[origin].items()
    composed = dict(flat(call("config", *args, "--json", cwd=here).done().json()["metrics"]))
    for key in composed:
        short = SHORT_NAMES.get(key, key).removesuffix(".name")
        assert any(short in each for each in found.values()), key


@pytest.mark.parametrize("command", [*configured(), *SAME_KEYS])
def test_help_shows_the_settings(here: Path, command: str):
    """It fits 80 columns, has the settings first and the output options last."""
    text = call(command, "--help", cwd=here).done().out
    assert max(map(len, text.splitlines())) <= 80
    assert text.index("Settings") < text.index("Arguments") < text.index("Options\n") < text.index("Output\n")
    assert not re.search(r"<\w+>|\[\[|\[OVERRIDES", text)
    rows = text[text.index("Settings") : text.index("Arguments")]
    assert any(
        re.search(rf"^  {re.escape(each.name)} ", rows, re.M) for each in settable(SAME_KEYS.get(command, command), {})
    )


def test_help_shows_the_settings_of_the_recipe(workshop: Workshop, here: Path):
    named = call("train", "system=heisenberg", "depth=3", "system.variant=infinite_range", "--help", cwd=here).out
    learned = call("learn", "double_exchange", "--help", cwd=here).out
    latest = call("train", "model=dnn", "--help", cwd=workshop.root).out
    assert re.search(r"recipe default/infinite_range-efnn-d3.* activation_scale +number +0.0001 ", named, re.DOTALL)
    assert re.search(r" system.J +number +16.0 ", learned)
    assert re.search(r"recipe default/heisenberg_lattice\).* width +integer +3 ", latest, re.DOTALL)
    order = "Data\n.*Training\n.*Errors\n.*Studies\n.*Runs and figures\n"
    assert re.search(order, call("--help", cwd=here).out, re.DOTALL)


def test_inspect(workshop: Workshop):
    name = "lattice net"
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
