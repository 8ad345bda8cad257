"""Every command of README and guide runs, in order, at small sizes; their tables say what the code says."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from fences import ROOT, blocks, command_lines

from efnn_cli.cli import main
from efnn_cli.errors import ConfigError, ConflictError, DeviceError, InputError, NumericalError, OutputError

README = (ROOT / "README.md").read_text()
SMALL = {
    "generate": ["--samples", "60"],
    "compare": ["--samples", "2", "--L", "4,5"],
    "merge": ["--samples", "60"],
    "train": ["epochs=1"],
    "extrapolate": ["--samples", "2"],
}


def commands():
    """The `efnn` lines of all shell blocks; those of the guide go on in the folder of the README."""
    every = [*blocks("README.md"), *blocks("docs/guide.md")]
    return [line for block in every if block.language == "sh" for line in command_lines(block.text)]


def small(words):
    """The same command at a size that takes a second; sizes that are given stay as they are."""
    if words[:2] == ["bench", "labels"]:
        return ["bench", "labels", "--L", "3,4", "--repeats", "1"]
    if words[:2] == ["bench", "train"]:
        return ["bench", "train", "--samples", "40", "--repeats", "1"]
    if words[:2] == ["bench", "predict"]:
        return ["bench", "predict", "--L", "4", "--samples", "2", "--repeats", "1"]
    given = {word.partition("=")[0].lstrip("-") for word in words}
    extra = SMALL.get(words[0], [])
    name = extra[0].partition("=")[0].lstrip("-") if extra else ""
    return words if name in given or "model=effective" in words else words + extra


def placeholder(word):
    """`data/...` and `outputs/...` stand for a dataset and a run."""
    patterns = {"data/...": "data/*.h5", "outputs/...": "outputs/*"}
    return str(next(Path().glob(patterns[word]))) if word in patterns else word


def test_there_are_commands():
    assert len(commands()) >= 25


def test_every_command_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for words in commands():
        program, *arguments = words
        assert program == "efnn", words
        arguments = [placeholder(word) for word in arguments]
        assert main(small(arguments)) == 0, (arguments, capsys.readouterr().err)


@pytest.mark.slow
def test_commands_of_the_table_run(tmp_path, monkeypatch, capsys):
    """What stands in a cell of "Use", with a system and runs in the place of the words in capitals."""
    monkeypatch.chdir(tmp_path)
    cells = re.findall(r"`efnn ([^`]*)`", README.partition("## Use\n")[2].partition("\n## ")[0])
    assert len(cells) >= 12
    assert main(["generate", "heisenberg", "--L", "6", "--samples", "60", "-q"]) == 0
    assert main(["train", "-m", "seed=range(3)", "epochs=1", "-q"]) == 0
    runs = sorted(str(path.parent) for path in Path("outputs").glob("*/summary.json"))
    part = ["generate", "double_exchange", "--samples", "60", "--shards", "2", "--shard-index", "1"]
    assert main([*part, "-q"]) == 0  # for merge: the first part alone stands in the table
    for cell in cells:
        words = cell.replace("SYSTEM", "double_exchange").replace("RUN RUN RUN", shlex.join(runs))
        given = shlex.split(words)
        given = [*given, "--dry-run"] if "budget=10min" in given else small(given)
        assert main(given) == 0, (given, capsys.readouterr().err)


def test_the_demo_runs(tmp_path, monkeypatch, capsys):
    """The commands of `make demo`, at a size that takes seconds; tests/slow runs them as they are."""
    monkeypatch.chdir(tmp_path)
    sizes = {"--L 10,20,40": "--L 4,5 --samples 2", "--L 10": "--L 4", "--samples 4000": "--samples 60"}
    for line in demo_commands():
        for large, little in {**sizes, "epochs=20": "epochs=1"}.items():
            line = line.replace(large, little)
        assert main(shlex.split(line)) == 0, (line, capsys.readouterr().err)
    shown = capsys.readouterr().out
    for word in ("efnn", "dnn", "resnet", "densenet", "effective", "parity.png", "error_against_L.png"):
        assert word in shown


def demo_commands():
    """The arguments of `efnn` in the recipe of `make demo`."""
    recipe = re.search(r"^demo: install.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE).group(1)
    lines = [line.strip() for line in recipe.splitlines()]
    assert all(line.startswith("$(BIN)/efnn ") for line in lines)
    return [line.removeprefix("$(BIN)/efnn ") for line in lines]


def test_python_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["generate", "heisenberg", "--L", "4", "--samples", "30", "-q"]) == 0
    assert main(["train", "epochs=1", "-q"]) == 0
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    run = next((tmp_path / "outputs").iterdir())
    code = re.sub(r'"outputs/[^"]*"', repr(str(run)), code)
    script = (
        f"import numpy as np\nspins = np.zeros((2, 3, 6, 6)); spins[:, 2] = 1\n{code}\nassert energies.shape == (2,)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True)


def test_exit_codes_are_those_of_the_code():
    table = dict(re.findall(r"^\| (\d+) \| (.*?) \|$", README, re.MULTILINE))
    for error in (ConfigError, InputError, NumericalError, DeviceError, ConflictError, OutputError):
        assert str(error.code) in table


def test_two_commands_call_install():
    makefile = (ROOT / "Makefile").read_text()
    for target in ("demo", "test"):
        assert re.search(rf"^{target}: install", makefile, re.MULTILINE)
        assert f"make {target}" in README


def test_linked_files_exist():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)|<img src=\"([^\"]+)\"", README):
        assert (ROOT / (target[0] or target[1])).exists(), target
