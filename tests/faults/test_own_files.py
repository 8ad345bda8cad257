"""Files of one's own in `--config-dir`: what they are called, where they belong, and that they say something."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.conftest import call, files_below

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
