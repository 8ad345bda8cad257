"""Samples files keep the order of their rows, say which rows are missing, and train with their chains apart."""

import numpy as np
import pytest

from efnn_cli.core.errors import InputError
from efnn_cli.storage import dataset, samples_file
from efnn_cli.training.split import split

METADATA = {
    "chains": 3, "proposals": 4, "T": 0.1, "corrected": True, "purpose": "train", "system": {"name": "heisenberg"},
    "samples": 12, "reference": {"method": "formula", "seconds": 1.0, "seconds_per_configuration": 0.1},
}  # fmt: skip


def arrays():
    generator = np.random.default_rng(0)
    spins, energies = generator.normal(size=(4, 3, 3, 4, 4)), generator.normal(size=(2, 4, 3))
    return {"spins": spins, "energies": energies[0], "network_energies": energies[1], "accepted": energies[0] > 0}


def test_rows_are_ordered_by_proposal_then_chain(tmp_path):
    samples_file.write(tmp_path / "a.h5", arrays(), METADATA)
    found = samples_file.read(tmp_path / "a.h5")
    assert (found.chains, found.temperature, found.corrected) == (3, 0.1, True)
    assert found.arrays["chain"].tolist() == [0, 1, 2] * 4


def test_missing_rows_are_named(tmp_path):
    short = {**arrays(), "network_energies": arrays()["energies"][:2]}
    samples_file.write(tmp_path / "a.h5", short, METADATA)
    with pytest.raises(InputError, match="12 rows of /network_energies"):
        samples_file.read(tmp_path / "a.h5")
    few = {name: array for name, array in arrays().items() if name != "energies"}
    samples_file.write(tmp_path / "b.h5", few, {**METADATA, "corrected": False})
    assert not samples_file.read(tmp_path / "b.h5").corrected
    with pytest.raises(InputError, match="efnn-samples"):  # samples of a network are no labels
        dataset.read(tmp_path / "b.h5")


def test_corrected_samples_are_a_dataset_with_its_chains_apart(tmp_path):
    samples_file.write(tmp_path / "a.h5", arrays(), METADATA)
    data = dataset.read(tmp_path / "a.h5")
    parts = split(data.spins, data.chain)
    chains = [set(data.chain[part.tolist()].tolist()) for part in (parts.train, parts.val, parts.test)]
    assert sorted(map(len, chains)) == [1, 1, 1]
    assert set.union(*chains) == {0, 1, 2}
    apart = split(data.spins)  # without chains every configuration is on its own
    assert len(set(data.chain[apart.train].tolist())) == 3
