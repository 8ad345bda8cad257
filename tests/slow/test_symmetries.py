"""A Hamiltonian without any symmetry in spin space, carried to a larger lattice; and a network that has too much."""

import h5py
import numpy as np
import pytest
from test_accuracy import efnn


@pytest.mark.slow
def test_dm_exchange_and_field(tmp_path):
    """With symmetry `none` the error per site is kept at twice the size; labels from elsewhere do not save `o3`."""
    efnn("generate heisenberg --L 10 --samples 8000 system.D=0.5 system.h=0.3 --out dm.h5", tmp_path)
    found = efnn("train model=efnn epochs=40 --data dm.h5 --out general", tmp_path)
    assert found["test"]["rmse_over_std"] <= 1e-3
    (size,) = efnn("extrapolate general --L 20", tmp_path)["sizes"]
    assert size["rmse_over_std"] <= 1e-3
    with h5py.File(tmp_path / "dm.h5") as file:
        np.savez(tmp_path / "dm.npz", spins=file["spins"][()], energies=file["energies"][()])
    efnn("import dm.npz --out imported.h5", tmp_path)
    found = efnn("train model=efnn epochs=10 width=8 model.symmetry=o3 --data imported.h5 --out turned", tmp_path)
    assert found["test"]["rmse_over_std"] > 0.3
