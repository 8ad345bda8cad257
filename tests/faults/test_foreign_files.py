"""Files of other people and of one's own: nothing in them is executed, looked up, or steers the terminal."""

import ast
import os
from pathlib import Path

import numpy as np
import pytest
from cli.conftest import call, files_below

import efnn_cli
from efnn_cli.config.compose import compose
from efnn_cli.config.schema import build_model, build_system
from efnn_cli.config.words import Request
from efnn_cli.core.errors import ConfigError
from efnn_cli.runs.folder import RunFolder
from efnn_cli.storage import checkpoint, hdf5

from .conftest import Example

PACKAGE = Path(efnn_cli.__file__).parent
FORBIDDEN_MODULES = {"pickle", "dill", "cloudpickle", "marshal", "shelve"}
FORBIDDEN_CALLS = {
    "eval", "exec", "compile", "__import__", "torch.load", "torch.save", "hydra.utils.instantiate", "instantiate",
    "hydra.utils.call", "os.system", "os.popen", "yaml.unsafe_load", "yaml.full_load",
}  # fmt: skip


def name_of(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def dangers(source: str) -> list[str]:
    """Return calls and imports that could execute the content of a file, or pass it to a shell."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
            found += [module for module in modules if module.split(".")[0] in FORBIDDEN_MODULES]
        if not isinstance(node, ast.Call):
            continue
        name, words = name_of(node.func), {each.arg: each.value for each in node.keywords}
        allowed = {key: isinstance(value, ast.Constant) and value.value is False for key, value in words.items()}
        unsafe_yaml = name == "yaml.load" and "safe" not in "".join(map(name_of, node.args[1:])).lower()
        pickled = name == "np.load" and "allow_pickle" not in words
        if name in FORBIDDEN_CALLS or unsafe_yaml or pickled:
            found.append(name)
        found += [f"{name} with {key}" for key in ("shell", "allow_pickle") if not allowed.get(key, True)]
    return found


def test_nothing_in_the_package_could_execute_what_stands_in_a_file():
    for path in PACKAGE.rglob("*.py"):
        assert not dangers(path.read_text()), path


@pytest.mark.parametrize(
    "source",
    [
        "import pickle", "from marshal import loads", "eval(x)", "torch.load(p)", "yaml.load(t, yaml.Loader)",
        "subprocess.run(c, shell=True)", "os.system(c)", "np.load(p)", "np.load(p, allow_pickle=True)", "yaml.load(t)",
    ],
)  # fmt: skip
def test_the_search_for_dangers_finds_them(source: str):
    assert dangers(source)


PYTHON = "model: !!python/object/apply:os.system ['touch pwned']\n"


def test_yaml_is_only_data(example: Example):
    example.file("config.yaml").write_text(PYTHON)
    (example.root / "mine" / "training").mkdir(parents=True)
    (example.root / "mine" / "training" / "bad.yaml").write_text(PYTHON)
    before = files_below(example.root)
    call("inspect", example.run, cwd=example.root).failed(3, "config.yaml")
    call("config", "train", "training=bad", "--config-dir", "mine", cwd=example.root).failed(2, "bad.yaml")
    assert files_below(example.root) == before


HYDRA = {
    "target": "training:\n  _target_: os.system\n",
    "package": "# @package hydra.callbacks.x\na: 1\n",
    "environment": "seed: ${oc.env:HOME}\n",
}


@pytest.mark.parametrize("name", HYDRA)
def test_own_files_only_set_values(here: Path, name: str):
    (here / "mine" / "training").mkdir(parents=True)
    (here / "mine" / "training" / "bad.yaml").write_text(HYDRA[name])
    outcome = call("train", "-m", "training=bad", "--config-dir", "mine", "--dry-run", cwd=here)
    assert os.environ["HOME"] not in outcome.failed(2, "bad.yaml", "more than set values").err


@pytest.mark.parametrize("text", ["${oc.env:EFNN_SECRET}", "x${oc.env:EFNN_SECRET}", "${name}", "???"])
def test_nothing_is_looked_up_for_a_stored_configuration(text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EFNN_SECRET", "3")
    for build, node in (
        (build_model, {"name": "efnn", "depth": text}),
        (build_system, {"name": "heisenberg", "L": text}),
        (build_system, {"name": "three_spin", "spin_values": [0, text]}),
    ):
        with pytest.raises(ConfigError, match="wanted a value"):
            build(node)


def test_a_checkpoint_is_no_program(example: Example):
    """A network is built from checked options or not at all."""
    path = example.file("best.h5")
    config = checkpoint.read(path).config
    arrays, head = hdf5.read(path, checkpoint.FORMAT, 1)
    changes: list[tuple[str, object]] = [
        ("state", {"weights": {"$tensor": "missing"}}),
        ("state", {"$items": [1, 2]}),
        ("state", {"$reduce": ["os.system", "touch pwned"]}),
        ("config", {"_target_": "os.system"}),
        ("config", {**config, "model": {"name": "../../os"}}),
        ("config", {**config, "model": {**config["model"], "width": 8192, "depth": 64}}),
        *(("config", {key: value for key, value in config.items() if key != gone}) for gone in config),
    ]
    for key, value in changes:
        hdf5.write(path, arrays, {**head, key: value})
        for args in (("evaluate", example.run), ("predict", example.run, "--spins", "s.npy")):
            outcome = call(*args, cwd=example.root)
            assert outcome.code in (0, 3, 5), (args, key, value, outcome.err)
    assert not (example.root / "pwned").exists()


class Program:
    """Unpickling it makes a file."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch pwned",)


@pytest.mark.parametrize("name", ["bad.npy", "bad.npz"])
def test_pickled_arrays_are_refused(here: Path, name: str):
    array = np.array([Program()], dtype=object)
    if name == "bad.npy":
        np.save(here / name, array, allow_pickle=True)
    else:
        np.savez(here / name, spins=array)
    call("generate", "heisenberg", "--spins", name, cwd=here).failed(3, name)
    assert files_below(here) == {name}


def test_what_stands_in_a_file_cannot_steer_the_terminal(example: Example):
    folder = RunFolder(example.run)
    config = folder.read_config()
    config["sampling"] = "\x1b[31mX\rY"
    folder.write_config(config)
    outcome = call("inspect", example.run, "-v", cwd=example.root)
    assert "\\x1b[31mX\\rY" in outcome.out + outcome.err
    assert not {"\x1b", "\r"} & set(outcome.out + outcome.err)


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", "a\0b"])
@pytest.mark.parametrize("group", ["model", "training", "executor"])
def test_names_do_not_leave_the_configuration(group: str, name: str):
    command = "generate" if group == "executor" else "train"
    with pytest.raises(ConfigError):
        compose(command, Request((f"{group}='{name}'",)))


# ------------------------------------------------------------------ files in --config-dir


PRESET = """\
name: "{name}"
title: Mine
lead: Six spins.
system: [three_spin]
sweeps: {{"{sweep}": {{title: The default recipe}}}}
scales:
  "{scale}":
    generate: [system.L=6, samples=80]
    train: {{"{sweep}": {{settings: [model=efnn, depth=1, width=6, epochs=2, training.optimizer=adam]}}}}
"""
PLAIN = {"name": "mine", "sweep": "best", "scale": "smoke"}


def own(folder: Path, name: str, text: str) -> None:
    path = folder / "mine" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize("part", PLAIN)
@pytest.mark.parametrize("name", ["../../../pwn", "", "x" * 65])
def test_names_of_an_experiment_do_not_leave_its_folder(here: Path, part: str, name: str):
    """They become part of the names of its figures and of its folder."""
    own(here, "experiment/bad.yaml", PRESET.format(**PLAIN | {part: name}))
    before = files_below(here.parent)
    outcome = call("reproduce", "bad", "scale=smoke", "--config-dir", "mine", "--workers", 1, cwd=here)
    outcome.failed(2, f"experiment.{part}", "letters, digits, - and _")
    assert files_below(here.parent) == before


@pytest.mark.parametrize(("group", "package"), [("training", "../x"), ("model", "system")])
def test_a_place_that_no_configuration_has(here: Path, group: str, package: str):
    own(here, f"{group}/bad.yaml", f"# @package {package}\nlr: 0.1\n")
    call("train", f"{group}=bad", "--config-dir", "mine", cwd=here).failed(2, "bad.yaml", "# @package _global_")


@pytest.mark.parametrize("text", ["", "{}\n"])
def test_an_empty_file(here: Path, text: str):
    own(here, "training/bad.yaml", text)
    for command in (("train",), ("config", "train")):
        call(*command, "training=bad", "--config-dir", "mine", cwd=here).failed(2, "mine/training/bad.yaml")


def test_files_that_say_where_they_belong(here: Path):
    """At the root or in their own group."""
    own(here, "training/root.yaml", "# @package _global_\nlr: 0.02\nepochs: 1\ntraining:\n  optimizer: adam\n")
    own(here, "training/group.yaml", "# @package training\nlr: 0.02\nepochs: 1\noptimizer: adam\n")
    for name in ("root", "group"):
        call("config", "train", f"training={name}", "--config-dir", "mine", cwd=here).done()
