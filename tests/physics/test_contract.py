"""What every registered system promises, by being in `SYSTEMS`."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from efnn_cli.config.schema import build_system
from efnn_cli.core.errors import InputError
from efnn_cli.core.registry import Source, run_file
from efnn_cli.physics import SYSTEMS, variants
from efnn_cli.physics.plug_in import as_system
from efnn_cli.physics.system import Draw
from efnn_cli.physics.thermal import Bath

EXAMPLE = Path(__file__).parent.parent.parent / "docs" / "examples" / "compass.py"
OWN_NAME, OWN = as_system(run_file(EXAMPLE).Compass, Source(f"{EXAMPLE}:Compass", "0"))
SIDES = {"lattice": 4, "dense": 9}
DEFAULTS = [cls() for each in SYSTEMS.values() for cls in (variants(each.name).values() or [each])]
CASES = [pytest.param(dataclasses.replace(each, L=SIDES[each.geometry]), id=each.kind) for each in DEFAULTS] + [
    pytest.param(OWN(L=4, J=0.5), id="compass"),
    pytest.param(SYSTEMS["heisenberg"](L=4, J2=0.3, K=0.2, R=0.1), id="heisenberg_lattice_all_terms"),
]


@pytest.mark.parametrize("system", CASES)
def test_samples_have_the_promised_shape_and_seeds(system):
    for sampling in system.samplings:
        first, again, other = (
            system.sample(sampling, Draw(seed, "train", 0, 0, 6, Bath(1.0, 1.0, 5))) for seed in (0, 0, 1)
        )
        assert first.shape == (6, *system.spin_shape)
        assert first.dtype == np.float64
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)
        system.check_spins(first, "spins")


@pytest.mark.parametrize("system", CASES)
def test_configurations_are_named_by_seed_purpose_and_shard(system):
    """Other names give other configurations, all of them: references never repeat what a network was trained on."""
    bath = Bath(1.0, 1.0, 5)
    names = [(0, "train", 0, 0), (1, "train", 0, 0), (0, "reference", 0, 0), (0, "train", 1, 6)]
    for sampling in system.samplings:
        drawn = [each.tobytes() for name in names for each in system.sample(sampling, Draw(*name, 6, bath))]
        assert len(set(drawn)) == 6 * len(names)


@pytest.mark.parametrize("system", CASES)
def test_energies_are_float64_finite_and_independent_of_the_batch(system):
    spins = torch.from_numpy(system.sample(system.samplings[0], Draw(0, "train", 0, 0, 6)))
    energies = system.energy(spins)
    assert energies.shape == (6,)
    assert energies.dtype == torch.float64
    assert energies.isfinite().all()
    assert energies.std() > 0
    single = torch.cat([system.energy(each[None]) for each in spins])
    torch.testing.assert_close(energies, single, rtol=1e-13, atol=1e-12)


@pytest.mark.parametrize("system", CASES)
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_the_cpu(system):
    spins = torch.from_numpy(system.sample(system.samplings[0], Draw(0, "train", 0, 0, 16)))
    torch.testing.assert_close(system.energy(spins.cuda()).cpu(), system.energy(spins), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("system", CASES)
def test_parameters_rebuild_the_system(system, monkeypatch):
    monkeypatch.setitem(SYSTEMS.files, OWN_NAME, OWN)
    twin = build_system({"name": system.name, **system.parameters()})
    assert twin == system
    spins = torch.from_numpy(system.sample(system.samplings[0], Draw(0, "train", 0, 0, 3)))
    assert torch.equal(twin.energy(spins), system.energy(spins))


@pytest.mark.parametrize("system", CASES)
def test_foreign_spins_are_refused(system):
    good = system.sample(system.samplings[0], Draw(0, "train", 0, 0, 3))
    nan, long, flat = good.copy(), good.copy(), good[:, :-1]
    nan[1].flat[0] = np.nan
    long[2].flat[0] = 1.5
    with pytest.raises(InputError, match="configuration 1 has a spin that is not finite"):
        system.check_spins(nan, "file")
    with pytest.raises(InputError, match=r"configuration 2 has a spin of (length|value) 1\.\d+$"):
        system.check_spins(long, "file")
    with pytest.raises(InputError, match="shape"):
        system.check_spins(flat, "file")
    system.check_spins(good[:0], "file")


@pytest.mark.parametrize("system", CASES)
def test_hamiltonian_identity(system):
    """A lattice Hamiltonian is the same at every size, a dense one is not."""
    larger = dataclasses.replace(system, L=system.size + 2)
    assert (larger.hamiltonian() == system.hamiltonian()) == (system.geometry == "lattice")
