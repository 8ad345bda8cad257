"""Samples files keep the order of their rows, and say which rows are missing."""

import numpy as np
import pytest

from efnn_cli.core.errors import InputError
from efnn_cli.simulation import samples_file

METADATA = {"chains": 3, "proposals": 4, "T": 0.1, "corrected": True}


def arrays():
    generator = np.random.default_rng(0)
    spins, energies = generator.normal(size=(12, 3, 4, 4)), generator.normal(size=(2, 12))
    return {"spins": spins, "energies": energies[0], "network_energies": energies[1], "accepted": energies[0] > 0}


def test_rows_are_ordered_by_proposal_then_chain(tmp_path):
    samples_file.write(tmp_path / "a.h5", arrays(), METADATA)
    found, metadata = samples_file.read(tmp_path / "a.h5")
    assert metadata["chains"] == 3
    assert found["chain"].tolist() == [0, 1, 2] * 4
    assert np.array_equal(samples_file.by_chain(found["spins"], 3)[1, 2], arrays()["spins"][2 * 3 + 1])


def test_missing_rows_are_named(tmp_path):
    few = {name: array for name, array in arrays().items() if name != "energies"}
    samples_file.write(tmp_path / "a.h5", few, METADATA)
    with pytest.raises(InputError, match="12 rows of /energies"):
        samples_file.read(tmp_path / "a.h5")
    samples_file.write(tmp_path / "b.h5", few, {**METADATA, "corrected": False})
    assert "energies" not in samples_file.read(tmp_path / "b.h5")[0]
