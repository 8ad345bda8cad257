"""A small folder with a dataset, a finished run and spins, for the tests of faults."""

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
class Example:
    """A dataset, a finished run with an extrapolation, and spins without labels."""

    root: Path
    dataset: Path
    run: Path
    spins: Path

    def file(self, name: str) -> Path:
        """A file by its short name."""
        return {"dataset": self.dataset, "spins": self.spins}.get(name, self.run / name)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Example:
    """Only for tests that write nothing there."""
    root = tmp_path_factory.mktemp("example")
    dataset = call(*DATA, "--json", cwd=root).done().json()["outputs"]["dataset"]
    run = call(*TRAIN, "--json", cwd=root).done().json()["outputs"]["run"]
    call("extrapolate", run, "--L", 3, "--samples", 3, cwd=root).done()
    np.save(root / "s.npy", np.ones((2, 3, 4, 4)) / np.sqrt(3))
    return Example(root, root / dataset, root / run, root / "s.npy")


@pytest.fixture
def example(made: Example, tmp_path: Path) -> Example:
    """A copy to change at will."""
    root = Path(shutil.copytree(made.root, tmp_path / "example"))
    return Example(root, *(root / path.relative_to(made.root) for path in (made.dataset, made.run, made.spins)))
