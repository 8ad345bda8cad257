"""Run every command of README and guide in order, at small sizes, and the Python example."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from fences import ROOT, blocks, command_lines, demo_commands

from efnn_cli.cli import main
from efnn_cli.simulation import tuning

SMALL = {
    "generate": ["--samples", "60"],
    "compare": ["--samples", "2", "--L", "4,5"],
    "merge": ["--samples", "60"],
    "train": ["epochs=1"],
    "extrapolate": ["--samples", "2"],
    "bench labels": ["--L", "3", "--repeats", "1"],
    "bench train": ["--samples", "40", "--repeats", "1"],
    "bench predict": ["--L", "4", "--samples", "2", "--repeats", "1"],
    "bench sample": ["--L", "4", "--sweeps", "6", "--direct", "6", "--proposals", "4", "steps=2"],
    "sample": ["--chains", "4", "--proposals", "4", "warmup=1", "trajectories=2", "steps=2"],
    "learn": ["--rounds", "1", "--labels", "30", "chains=3", "proposals=4", "epochs=1", "test=4", "width=3"],
}
SMALLER = {
    "epochs=2": "epochs=1",
    "scale=laptop": "scale=smoke",
    "20,40": "20",
    "7000,9000": "7000",
    "seed=range(2)": "seed=0",
}
SMALLER |= {"executor=dask": "executor=threads"}  # tests/datasets starts workers of Dask
COMPLETE = ("epochs=", "budget=", "model=effective", "--samples")  # commands with one of these keep their size


def commands(*pages):
    """The `efnn` lines of all shell blocks."""
    return [
        line for page in pages for block in blocks(page) if block.language == "sh" for line in command_lines(block.text)
    ]


def small(words):
    """The same command at a size that takes a second."""
    words = [SMALLER.get(word, word) for word in words]
    if words[0] == "bench":
        run = [word for word in words if word.startswith("outputs/")]
        return words[:2] + run + SMALL[" ".join(words[:2])]
    given = any(word.startswith(COMPLETE) for word in words)
    return words if given and words[0] != "compare" else words + SMALL.get(words[0], [])


def filled(words):
    """The words with the most recent EFNN runs, one each, for `outputs/...` and `RUN`, and a file for `SAMPLES`."""
    if words[0] in ("sample", "bench"):  # of unit vectors at a temperature
        return [str(next(Path().glob("outputs/double_exchange-efnn-*"))) if word == "RUN" else word for word in words]
    words = [str(next(Path().glob("data/samples/*.h5"))) if word == "SAMPLES" else word for word in words]
    runs = sorted(Path().glob("outputs/*-efnn-*/summary.json"), key=lambda path: path.stat().st_mtime)
    return [str(runs.pop().parent) if word in ("RUN", "outputs/...") else word for word in words]


README, GUIDE = "README.md", "docs/guide.md"


@pytest.mark.parametrize(
    ("pages", "number"), [((README,), 8), pytest.param((README, GUIDE), 25, marks=pytest.mark.slow)]
)
def test_every_command_runs(pages, number, tmp_path, monkeypatch, capsys):
    """Those of the guide go on in the folder of the README."""
    monkeypatch.chdir(tmp_path)
    for name in ("TUNING", "TRIED", "RECORDED"):  # moves before the first proposal
        monkeypatch.setattr(tuning, name, 10)
    monkeypatch.setattr(tuning, "LENGTHS", (2, 4))
    assert len(commands(*pages)) >= number
    for program, *words in commands(*pages):
        assert program == "efnn", words
        assert main(small(filled(words))) == 0, (words, capsys.readouterr().err)


def test_the_demo_runs(tmp_path, monkeypatch, capsys):
    """The commands of `make demo`: the dataset small, the comparison planned; tests/slow runs them as they are."""
    monkeypatch.chdir(tmp_path)
    generate, compare = demo_commands()
    assert main(shlex.split(generate.replace("--samples 4000", "--samples 60"))) == 0, capsys.readouterr().err
    assert main([*shlex.split(compare), "--dry-run"]) == 0, capsys.readouterr().err
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("efnn", "dnn", "resnet", "densenet", "effective"))


def test_python_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["generate", "heisenberg", "--L", "4", "--samples", "30", "-q"]) == 0
    assert main(["train", "epochs=1", "-q"]) == 0
    (code,) = (block.text for block in blocks("README.md") if block.language == "python")
    code = re.sub(r'"outputs/[^"]*"', repr(str(next((tmp_path / "outputs").iterdir()))), code)
    spins = "import numpy as np\nspins = np.zeros((2, 3, 6, 6)); spins[:, 2] = 1\n"
    checks = "assert energies.shape == (2,) and fields.shape == spins.shape"
    subprocess.run([sys.executable, "-W", "error", "-c", f"{spins}{code}\n{checks}"], check=True)


@pytest.mark.parametrize("target", ["demo", "test"])
def test_the_two_commands_install_first(target):
    assert re.search(rf"^{target}: install", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert f"make {target}" in (ROOT / "README.md").read_text()
