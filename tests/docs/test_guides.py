"""The guides for a new system and a new network, followed word by word in a copy of the project."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from fences import ROOT, apply_edit, blocks, command_lines, write_file

GUIDES = ("docs/adding_a_system.md", "docs/adding_a_network.md")
IN_ONE_PROCESS = """
import sys, json
from efnn_cli.cli import main
for words in json.load(sys.stdin):
    if main(words):
        sys.exit(f"efnn {' '.join(words)} failed")
"""


@pytest.fixture
def copied(tmp_path):
    """A checkout of its own; Python finds the copy, and conf/ where an installation has it."""
    ignored = shutil.ignore_patterns("__pycache__", "*.h5")
    for folder in ("efnn_cli", "conf", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "efnn_cli" / "conf").symlink_to(tmp_path / "conf")
    return tmp_path


def edit(guide, folder):
    """Write the files of a guide, apply its edits, and return the Python files."""
    written = []
    for block in blocks(guide):
        if block.language == "diff":
            apply_edit(block, folder)
        elif "file" in block.words:
            write_file(block, folder)
            written.append(block.words["file"])
    return [name for name in written if name.endswith(".py")]


def python(words, cwd, given=None):
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    env |= {"PYTHONPATH": str(cwd), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([sys.executable, *words], cwd=cwd, env=env, input=given, capture_output=True, text=True)
    assert done.returncode == 0, f"{words}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.mark.parametrize("guide", GUIDES)
def test_files_and_edits_of_a_guide_fit_the_project(guide, copied):
    written = edit(guide, copied)
    python(["-m", "ruff", "check", "--no-cache", *written], copied)
    python(["-m", "ruff", "format", "--no-cache", "--check", *written], copied)


@pytest.mark.slow
@pytest.mark.parametrize("guide", GUIDES)
def test_a_guide_followed_adds_what_it_says(guide, copied):
    """The tests that a guide calls for find something to test, and its commands succeed."""
    edit(guide, copied)
    lines = [words for block in blocks(guide) if block.language == "sh" for words in command_lines(block.text)]
    tests = [words for program, *words in lines if program == "python"]
    commands = [words for program, *words in lines if program == "efnn"]
    assert len(tests) + len(commands) == len(lines)
    assert min(len(tests), len(commands)) >= 2
    for words in tests:
        assert " passed" in python([*words, "-q", "-p", "no:cacheprovider"], copied)
    python(["-c", IN_ONE_PROCESS], copied, json.dumps(commands))
