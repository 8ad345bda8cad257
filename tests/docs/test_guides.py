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
    print("$ efnn", *words, flush=True)
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


def run(words, cwd, given=None):
    env = {**os.environ, "PYTHONPATH": str(cwd), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    env = {key: value for key, value in env.items() if not key.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, *words], cwd=cwd, env=env, input=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{words}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.mark.parametrize("guide", GUIDES)
def test_files_and_edits_of_a_guide_fit_the_project(guide, copied):
    for block in blocks(guide):
        if block.language == "diff":
            apply_edit(block, copied)
        elif "file" in block.words:
            write_file(block, copied)
    ruff = [sys.executable, "-m", "ruff"]
    written = [block.words["file"] for block in blocks(guide) if block.words.get("file", "").endswith(".py")]
    subprocess.run([*ruff, "check", "--no-cache", *written], cwd=copied, check=True)
    subprocess.run([*ruff, "format", "--no-cache", "--check", *written], cwd=copied, check=True)


@pytest.mark.slow
@pytest.mark.parametrize("guide", GUIDES)
def test_a_guide_followed_adds_what_it_says(guide, copied):
    """Tests that a guide calls for find something to test, and its commands do what they should."""
    efnn = []
    for block in blocks(guide):
        if block.language == "diff":
            apply_edit(block, copied)
        elif "file" in block.words:
            write_file(block, copied)
        elif block.language == "sh":
            for program, *words in command_lines(block.text):
                if program == "python":
                    found = run([*words, "-q", "-p", "no:cacheprovider"], copied)
                    assert " passed" in found
                else:
                    assert program == "efnn"
                    efnn.append(words)
    assert len(efnn) >= 5
    shown = run(["-c", IN_ONE_PROCESS], copied, json.dumps(efnn))
    for words in efnn:
        assert f"$ efnn {' '.join(words)}" in shown
