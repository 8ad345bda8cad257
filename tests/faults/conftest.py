"""A small folder with one of everything, made in this process, for the tests of faults."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from cli.conftest import call, here

__all__ = ["here"]

DATA = ("generate", "heisenberg", "--L", 4, "--samples", 40)
TRAIN = ("train", "model=efnn", "depth=1", "epochs=2", "training.optimizer=adam")


@dataclass(frozen=True)
class Shop:
    """A dataset, a finished run with an extrapolation, and spins without labels."""

    root: Path
    dataset: Path
    run: Path
    spins: Path

    def file(self, name: str) -> Path:
        """A file by its short name."""
        return {"dataset": self.dataset, "spins": self.spins}.get(name, self.run / name)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Only for tests that write nothing there."""
    root = tmp_path_factory.mktemp("shop")
    dataset = call(*DATA, "--json", cwd=root).done().json()["outputs"]["dataset"]
    run = call(*TRAIN, "--json", cwd=root).done().json()["outputs"]["run"]
    call("extrapolate", run, "--L", 3, "--samples", 3, cwd=root).done()
    np.save(root / "s.npy", np.ones((2, 3, 4, 4)) / np.sqrt(3))
    return Shop(root, root / dataset, root / run, root / "s.npy")


@pytest.fixture
def shop(made: Shop, tmp_path: Path) -> Shop:
    """A copy to change at will."""
    root = Path(shutil.copytree(made.root, tmp_path / "shop"))
    return Shop(root, *(root / path.relative_to(made.root) for path in (made.dataset, made.run, made.spins)))
