"""Fields from resolvents: against eigenvectors, against automatic differentiation, never outside their estimate."""

import dataclasses

import numpy as np
import pytest
import torch
from test_determinant import DoubleExchange, cases, spins_of

from efnn_cli.core.errors import ConfigError, NumericalError
from efnn_cli.physics import block_inverse, block_recursion, determinant_fields, sparse_determinant


def check(system, spins):
    exact = system.fields(spins)
    labels = system.label(spins, "determinant", fields=True)
    error, estimate = float((labels.fields - exact).abs().max()), float(labels.field_errors.max())
    rounding = 1e-13 * max(system.bound, system.J)
    assert error <= estimate + rounding, (system, error, estimate)
    assert estimate <= 100 * (error + rounding), (system, error, estimate)  # and no fantasy
    torch.testing.assert_close(labels.energies, system.energy(spins), rtol=1e-9, atol=1e-9)


def test_fields_of_hellmann_and_feynman_for_random_parameters():
    for system, spins in cases(10, seed=2):
        check(dataclasses.replace(system, J_AF=0.3), spins)


@pytest.mark.slow
def test_fields_of_a_hundred_random_parameters():
    for system, spins in cases(100, seed=3):
        check(system, spins)


@pytest.mark.parametrize("size", ["3x3", "4x4", "6x4", "4x7"])
def test_diagonal_blocks_of_the_inverse(size):
    system = DoubleExchange(L=size, t=0.7, mu=0.4)
    generator = torch.Generator().manual_seed(0)
    spins = torch.nn.functional.normalize(torch.randn(2, 3, *system.sides, generator=generator).double(), dim=1)
    frequencies = torch.tensor([0.05, 0.3, 7.0], dtype=torch.float64)
    logs, blocks = block_inverse.logs_and_site_blocks(system.diagonal_rows(spins), -system.t, frequencies)
    matrices = system.hamiltonians(spins)[:, None] - 1j * frequencies[:, None, None] * torch.eye(2 * system.sites)
    whole = torch.linalg.inv(matrices).sum(dim=1).reshape(2, system.sites, 2, system.sites, 2)
    slow = whole.diagonal(dim1=1, dim2=3).movedim(-1, 1).reshape(blocks.shape)
    torch.testing.assert_close(blocks, slow, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(logs, torch.linalg.slogdet(matrices).logabsdet, rtol=1e-12, atol=1e-12)
    wrong = block_inverse.logs_and_site_blocks(system.diagonal_rows(spins), 0.9, frequencies)[1]
    assert not torch.allclose(wrong, blocks, rtol=1e-6)  # negative control


def test_resolvents_are_the_derivative_of_the_determinants():
    """d/dS sum_k ln|det(H - i w_k)| = -(J/2) Re tr[sigma sum_k (H - i w_k)^{-1}], by reverse differentiation."""
    system, spins = DoubleExchange(L=4), spins_of("random", 4, 5).requires_grad_()
    frequencies = torch.tensor([0.3, 0.9, 4.0], dtype=torch.float64)
    logs = block_recursion.log_determinants(system.diagonal_rows(spins), -system.t, frequencies)
    (slopes,) = torch.autograd.grad(logs.sum(), spins)
    _, blocks = block_inverse.logs_and_site_blocks(system.diagonal_rows(spins.detach()), -system.t, frequencies)
    moments = determinant_fields._moments(blocks.numpy().reshape(-1, 2, 2)).reshape(1, 3, 4, 4)
    np.testing.assert_allclose(-0.5 * system.J * moments, slopes.numpy(), rtol=1e-11, atol=1e-12)


def test_odd_powers_and_groups(monkeypatch):
    system, spins = DoubleExchange(L=4), torch.cat([spins_of("random", 4, seed) for seed in range(3)])
    matrix = system.sparse_hamiltonian(spins[0])
    dense = matrix.toarray()
    for m, blocks in enumerate(sparse_determinant.odd_site_blocks(matrix, 4), start=1):
        power = np.linalg.matrix_power(dense, 2 * m - 1).reshape(16, 2, 16, 2)
        np.testing.assert_allclose(blocks, np.einsum("iaib->iab", power), rtol=1e-11, atol=1e-9)
    whole = system.label(spins, "determinant", fields=True).fields
    monkeypatch.setattr(determinant_fields, "batch_bytes", lambda device: 1)
    torch.testing.assert_close(system.label(spins, "determinant", fields=True).fields, whole, rtol=1e-11, atol=1e-12)


def test_what_has_no_fields_by_determinants():
    spins = spins_of("random", 4, 0)
    for change in ({"lattice": "triangular"}, {"t2": 0.2}, {"twist": [0.3, 0.0]}):
        system = DoubleExchange(L=4, **change)
        with pytest.raises(ConfigError, match="rows of the lattice"):
            system.label(spins, "determinant", fields=True)
        assert system.fastest_reference("cpu", fields=True) == "dense"
    with pytest.raises(NumericalError):
        DoubleExchange(L=4).label(spins, "determinant", tolerance=1e-15, fields=True)
    assert DoubleExchange(L=10).fastest_reference("cpu", fields=True) == "dense"
    assert DoubleExchange(L=40).fastest_reference("cpu", fields=True) == "determinant"
