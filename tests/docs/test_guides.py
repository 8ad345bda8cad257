"""The guides for a system and a network of one's own, followed word by word in an empty folder."""

import os
import subprocess
import sys

import pytest
from fences import ROOT, blocks, command_lines, write_file

GUIDES = ("docs/adding_a_system.md", "docs/adding_a_network.md")


def files(guide, folder):
    """Write the files of a guide and return the Python files."""
    written = [block for block in blocks(guide) if "file" in block.words]
    for block in written:
        write_file(block, folder)
    return [block.words["file"] for block in written if block.language == "python"]


def python(words, cwd):
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    env |= {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([sys.executable, *words], cwd=cwd, env=env, capture_output=True, text=True)
    assert done.returncode == 0, f"{words}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.mark.parametrize("guide", GUIDES)
def test_files_of_a_guide_are_clean_and_those_of_the_examples(guide, tmp_path):
    first, *others = files(guide, tmp_path)
    assert (tmp_path / first).read_text() == (ROOT / "docs" / "examples" / first).read_text()
    config = ["--config", str(ROOT / "pyproject.toml"), "--no-cache"]
    python(["-m", "ruff", "check", *config, "--select", "E,F", "."], tmp_path)  # examples are checked with docs/
    python(["-m", "ruff", "format", *config, "--check", "."], tmp_path)
    tests = [name for name in others if name.startswith("test_")]
    assert " passed" in python(["-m", "pytest", *tests, "-q", "-p", "no:cacheprovider"], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("guide", GUIDES)
def test_a_guide_followed_ends_with_a_figure(guide, tmp_path):
    files(guide, tmp_path)
    lines = [words for block in blocks(guide) if block.language == "sh" for words in command_lines(block.text)]
    for program, *words in lines:
        python(["-m", "efnn_cli", *words] if program == "efnn" else words, tmp_path)
    assert list(tmp_path.rglob("extrapolation.png"))
    assert list(tmp_path.rglob("*sizes*.svg"))
