"""The default recipes, shortened: stopped again and again, from real files, the result is the undisturbed one."""

from pathlib import Path
from typing import Any

import pytest
import torch

from efnn_cli.core.errors import Stopped
from efnn_cli.core.signals import StopRequest
from efnn_cli.storage import checkpoint

from .conftest import call, rows

SYSTEMS = {
    "three_spin": ("three_spin", "--L", 9),
    "infinite_range": ("heisenberg", "system.variant=infinite_range", "--L", 9),
    "heisenberg": ("heisenberg", "--L", 6),
    "double_exchange": ("double_exchange", "--L", 4),
    "with fields": ("double_exchange", "--L", 4, "fields=true"),
}
RECIPES = [
    ("three_spin", "dnn", "soap"),
    ("heisenberg", "efnn", "soap"),
    ("with fields", "efnn width=8 model.invariant_channels=8", "soap"),
    pytest.param("infinite_range", "efnn depth=3", "soap", marks=pytest.mark.slow),
    pytest.param("three_spin", "efnn", "adam", marks=pytest.mark.slow),
    pytest.param("infinite_range", "efnn", "adam", marks=pytest.mark.slow),
    pytest.param("double_exchange", "densenet", "soap", marks=pytest.mark.slow),
    pytest.param("heisenberg", "resnet training.optimizer=adamw training.ema=0.9", "adamw", marks=pytest.mark.slow),
]
EPOCHS = 12


def training(system: str, network: str) -> tuple[object, ...]:
    """The command: the recipe of system and network, with epochs of a few steps."""
    return ("train", *f"model={network}".split(), f"epochs={EPOCHS}", "training.batch_size=10", "--device", "cpu", "-q")


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Every plain value by its place in the state, and of every tensor its numbers and their order in memory."""
    if isinstance(value, torch.Tensor):
        return {path: (value.dtype, value.shape, value.stride(), value.numpy().tobytes())}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else None
    if items is None:
        return {path: value}
    return {name: leaf for key, each in items for name, leaf in leaves(each, f"{path}/{key}").items()}


def state(run: Path, name: str) -> dict[str, Any]:
    found = leaves(checkpoint.read(run / name).state)
    return {path: leaf for path, leaf in found.items() if not path.endswith("seconds")}


@pytest.mark.parametrize(("system", "network", "optimizer"), RECIPES)
def test_resumed_equals_uninterrupted(
    here: Path, monkeypatch: pytest.MonkeyPatch, system: str, network: str, optimizer: str
):
    call("generate", *SYSTEMS[system], "--samples", 80, "--device", "cpu", "-q", cwd=here).done()
    words = training(system, network)
    call(*words, "--out", "calm", cwd=here).done()
    steps = int(rows(here / "calm")[-1]["step"])
    assert checkpoint.read(here / "calm" / "last.h5").config["training"]["optimizer"] == optimizer

    asked = 0

    def stop_now_and_then(request: StopRequest) -> None:
        nonlocal asked
        asked += 1
        if asked % (steps // 3) == 0:
            raise Stopped(15, "stopped by SIGTERM", request.hint)

    monkeypatch.setattr(StopRequest, "check", stop_now_and_then)
    ends = [call(*words, "--out", "disturbed", cwd=here).code for _ in range(3)]
    monkeypatch.undo()
    assert ends == [143] * 3
    call("train", "--resume", "disturbed", "--device", "cpu", cwd=here).done()
    assert rows(here / "disturbed") == rows(here / "calm")
    for name in ("best.h5", "last.h5"):
        ours, theirs = state(here / "disturbed", name), state(here / "calm", name)
        assert ours.keys() == theirs.keys()
        assert [path for path, leaf in ours.items() if leaf != theirs[path]] == []
