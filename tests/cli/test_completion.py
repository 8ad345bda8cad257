"""TAB in real shells and through the functions behind it: keys, values, names, folders; nothing heavy is loaded."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from efnn_cli.cli.app import app
from efnn_cli.cli.completion import settings, typed

BIN = Path(sys.executable).parent
HEAVY = {"torch", "h5py", "matplotlib", "hydra", "omegaconf", "scipy", "numpy"}
TIMEOUT = 120


def environment(**extra):
    return {
        **{key: value for key, value in os.environ.items() if "COMPLETE" not in key},
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "TERM": "dumb",
        **extra,
    }


def shell(name):
    return shutil.which(name) or pytest.skip(f"needs {name}")


def offered(monkeypatch, capsys, *parts, cwd=None):
    """What bash is offered for these parts of a line, of which the last is to be completed."""
    monkeypatch.setenv("_EFNN_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "\n".join(("efnn", *parts)))
    monkeypatch.setenv("COMP_CWORD", str(len(parts)))
    if cwd:
        monkeypatch.chdir(cwd)
    with pytest.raises(SystemExit):
        app(prog_name="efnn")
    return capsys.readouterr().out.split()


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("tra", ["train"]),
        ("train --over", ["--overwrite"]),
        ("train model =", ["densenet", "dnn", "effective", "efnn", "resnet"]),
        ("train dep", ["depth=", "depth=3"]),
        ("train depth = 3 trai", ["training.", "training="]),
        ("train model = efnn model.quasi", ["model.quasi_particle_bias=", "model.quasi_particle_bias=0.0"]),
        ("train model = dnn model.quasi", []),
        ("train --device c", ["cpu", "cuda"]),
        (
            "generate heisenberg system.va",
            ["system.variant=", "system.variant=lattice", "system.variant=infinite_range"],
        ),
        ("generate heisenberg system.variant = i", ["infinite_range"]),
        ("generate double_exchange sampling = uniform_", ["uniform_sphere", "uniform_angles"]),
        ("compare --models efnn,r", ["efnn,resnet"]),
        ("learn heisenberg rou", ["rounds=", "rounds=4"]),
        ("reproduce three", ["three_spin"]),
        ("runs model = efnn,r", ["efnn,resnet"]),
        ("plot curve sizes", []),
    ],
)
def test_what_bash_is_offered(line, wanted, monkeypatch, capsys):
    found = offered(monkeypatch, capsys, *line.split())
    assert [each for each in found if each in wanted] == found or not found
    assert sorted(found) == sorted(wanted)


def test_runs_and_datasets_of_the_folder(workshop, monkeypatch, capsys):
    runs = sorted(str(workshop.run(name)) for name in ("hopping fit", "binary net", "lattice twin", "lattice net"))
    assert offered(monkeypatch, capsys, "extrapolate", "out", cwd=workshop.root) == runs
    assert offered(monkeypatch, capsys, "evaluate", runs[0], "out") == runs[1:]
    assert offered(monkeypatch, capsys, "train", "--data", "data/three") == [str(workshop.dataset("binary"))]
    assert offered(monkeypatch, capsys, "train", "--resume", "outputs/three") == [str(workshop.run("binary net"))]
    assert str(workshop.dataset("lattice")) in offered(monkeypatch, capsys, "inspect", "data/")


def test_every_root_key_is_offered_with_its_meaning():
    found = dict(settings("train", [], ""))
    assert {"seed=", "device=", "depth=", "width=", "lr=", "epochs=", "budget=", "model=", "training="} <= set(found)
    assert found["depth="] == "D, number of layers"
    assert all(len(meaning) <= 60 for meaning in found.values())
    assert not {"system=", "system"} & set(dict(settings("generate", [], "")))  # SYSTEM is a word there


@pytest.mark.parametrize(
    ("parts", "incomplete", "wanted"),
    [
        ("efnn\ntrain\nmodel\n=\nef", "ef", (["train"], "model=ef")),
        ("efnn\ntrain\nmodel\n=\nefnn\n", "", (["train", "model=efnn"], "")),
        ("efnn\ntrain\ndevice\n=\ncuda\n:\n0", "0", (["train"], "device=cuda:0")),
    ],
)
def test_the_parts_of_bash_become_words_again(parts, incomplete, wanted, monkeypatch):
    monkeypatch.setenv("COMP_WORDS", parts)
    monkeypatch.setenv("COMP_CWORD", str(len(parts.split("\n" if "\n" in parts else " ")) - 1))
    assert typed(incomplete) == wanted


BASH = """
    eval "$(efnn --show-completion)"
    try() {
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
        _efnn_completion efnn "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        echo "${COMPREPLY[@]}"
    }
    try efnn train -m model = efnn,dn
    try efnn train system = heisenberg system.K
"""
FISH = """
    efnn --show-completion | source
    complete -C "efnn train -m model=efnn,dn"
    complete -C "efnn train dep"
"""


@pytest.mark.parametrize(
    ("name", "option", "script", "wanted"),
    [
        ("bash", "--norc", BASH, ["efnn,dnn", "system.K= system.K=0.0"]),
        ("fish", "--no-config", FISH, ["model=efnn,dnn", "depth=\tD, number of layers", "depth=3"]),
    ],
    ids=["bash", "fish"],
)
def test_shells_call_the_function_of_their_script(tmp_path, name, option, script, wanted):
    command, env = [shell(name), option, "-c", script], environment(HOME=str(tmp_path))
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True, timeout=TIMEOUT)
    assert done.stdout.splitlines() == wanted
    assert done.stderr == ""


def test_completing_loads_nothing_heavy(tmp_path):
    code = (
        "import sys; from efnn_cli.cli import main\n"
        "try: main([])\n"
        f"finally: sys.stderr.write(' '.join(sorted(set(sys.modules) & {HEAVY!r})))"
    )
    words = environment(_EFNN_COMPLETE="complete_bash", COMP_WORDS="efnn\ntrain\nmo", COMP_CWORD="2")
    program = ["-c", f"import sys; sys.argv = ['efnn']; exec({code!r})"]
    done = subprocess.run(
        [sys.executable, *program], cwd=tmp_path, env=words, capture_output=True, text=True, check=True, timeout=TIMEOUT
    )
    assert done.stdout.split() == ["model.", "model="]
    assert done.stderr == ""
