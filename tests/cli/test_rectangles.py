"""`--L 12x8`: datasets, runs and extrapolation of rectangles and chains; squares stay numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from .conftest import SMALL, call


def test_a_rectangle_from_labels_to_extrapolation(here: Path):
    words = ("generate", "heisenberg", "--L", "6x4", "--samples", 60, "sampling=thermal", "spin_temperature=1")
    made = call(*words, "spin_sweeps=5", "--json", cwd=here).done().json()
    assert made["outputs"]["dataset"].startswith("data/heisenberg-L6x4-n60-s0-")
    call("train", "system=heisenberg", "system.L=6x4", "width=2", "training.augment=true", *SMALL, cwd=here).done()
    sizes = call("extrapolate", "--samples", 8, "--json", cwd=here).done().json()["metrics"]["sizes"]
    assert [each["L"] for each in sizes] == ["6x4", "12x8", "24x16"]
    assert sizes[0]["rmse_per_site"] == pytest.approx(sizes[0]["rmse"] / 24)
    more = call("extrapolate", "--L", "5,8x8,9x1", "--samples", 8, "--json", cwd=here).done().json()["metrics"]["sizes"]
    assert [each["L"] for each in more] == ["9x1", 5, 8]
    call("plot", "spins", cwd=here).done()
    assert [call("runs", f"L={size}", cwd=here).done().out.count("finished") for size in ("6x4", 6)] == [1, 0]


def test_a_rectangle_of_others(here: Path):
    """Spins by --spins, and columns of text whose sites make a rectangle."""
    spins = np.random.default_rng(0).normal(size=(9, 3, 5, 3))
    spins /= np.linalg.norm(spins, axis=1, keepdims=True)
    np.save(here / "mine.npy", spins)
    labelled = call("generate", "heisenberg", "--spins", "mine.npy", "--json", cwd=here).done().json()
    assert "-L5x3-n9-" in labelled["outputs"]["dataset"]
    x, y = (each.ravel() for each in np.indices((5, 3)))
    for i, each in enumerate(spins):
        np.savetxt(here / f"c{i}.dat", np.column_stack([y, x, *each.reshape(3, -1)])[::-1], fmt="%.17g")
    (here / "e.txt").write_text("\n".join(map(str, range(9))))
    words = ("--columns", "y,x,sx,sy,sz", "--energies", "e.txt", "--json")
    imported = call("import", *sorted(map(str, here.glob("c*.dat"))), *words, cwd=here).done().json()
    assert imported["outputs"]["dataset"].startswith("data/external-L5x3-n9-")


@pytest.mark.parametrize("size", ["5x2", "x4", "4x", "3x3x3", "2", "4x5000", "1x5", "4.5"])
def test_what_is_no_lattice_is_refused(here: Path, size: str):
    call("generate", "heisenberg", "--L", size, cwd=here).failed(2, "system.L")
    call("extrapolate", "--L", size, cwd=here).failed(2, "L: wanted")


def test_spins_without_a_lattice_have_a_number(here: Path):
    call("generate", "three_spin", "--L", "5x3", cwd=here).failed(2, "integer")
