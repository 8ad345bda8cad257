"""Energies and fields of electrons on a periodic lattice from resolvents, without any eigenvalue.

With G_k = (i w_k - H)^{-1}, the frequencies and the tail of `matsubara.py`, and a the component,

    h_i^a = (J/2) { 2T sum_{k<=K} Re tr[sigma_a (G_k)_ii]
                    - 2T sum_{m<=M} (-1)^{m+1} (2 pi T)^{-2m} zeta(2m, K + 1/2) tr[sigma_a (H^{2m-1})_ii] }

the derivative of the grand potential term by term: dH/dS_i = -(J/2) sigma on site i. Diagonal blocks of G_k come from
`block_inverse.py`, those of the powers of H from sparse products. The first omitted term of the tail bounds the
truncation; rounding is estimated from the norms of the terms, |G_k| <= 1 / w_k.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import Tensor

from efnn_cli.core.errors import ConfigError, NumericalError
from efnn_cli.core.resources import batch_bytes
from efnn_cli.physics import block_inverse, determinant, matsubara, sparse_determinant
from efnn_cli.physics.determinant import LatticeElectrons, energies_of_logs
from efnn_cli.physics.system import Array, Labels

CROSSOVER = {"cpu": 120.0, "cuda": 1500.0}  # c of `determinant.is_faster`; for CUDA not measured


def is_faster(model: LatticeElectrons, device: str) -> bool:
    """Return True where resolvents cost less than eigenvectors."""
    return model.row_coupling is not None and determinant.is_faster(model, device, CROSSOVER)


def label(model: LatticeElectrons, spins: Tensor, tolerance: float) -> Labels:
    """Return grand potentials and fields of spins (B, 3, L, L) with error estimates, on the device of `spins`.

    Raises `ConfigError` for a lattice whose rows couple in another way than by the hopping of a square lattice,
    `NumericalError` where an estimate exceeds `tolerance`.
    """
    if model.row_coupling is None:
        raise ConfigError(
            "reference=determinant fields=true: rows of the lattice must couple by one number: square, no t2, no twist",
            "reference=dense",
        )
    how = matsubara.truncation(model.T, model.bound, tolerance)
    logs, blocks = _summed(model, spins, how, model.row_coupling)
    matrices = [model.sparse_hamiltonian(each) for each in spins.cpu()]
    labels = energies_of_logs(model, matrices, logs.cpu().numpy(), how, tolerance)
    found = [_fields(model, matrix, each, how) for matrix, each in zip(matrices, blocks.cpu().numpy(), strict=True)]
    fields, errors = (np.stack(each) for each in zip(*found, strict=True))
    allowed = tolerance * max(abs(model.J) / 2, model.T)
    if errors.max() > allowed:
        raise NumericalError(
            f"reference=determinant: the error estimate {errors.max():.1e} of a field exceeds {allowed:.1e}",
            "ask for a larger tolerance=..., or use reference=dense",
        )
    return dataclasses.replace(
        labels,
        energies=labels.energies.to(spins.device),
        fields=torch.from_numpy(fields).reshape(spins.shape).to(spins.device),
        field_errors=torch.from_numpy(errors),
    )


def _summed(
    model: LatticeElectrons, spins: Tensor, how: matsubara.Truncation, coupling: float
) -> tuple[Tensor, Tensor]:
    """Return ln|det(H - i w_k)| (B, K) and the blocks of sum_k (H - i w_k)^{-1} (B, Lx, Ly, 2, 2), in groups."""
    frequencies = torch.from_numpy(how.matsubara()).to(spins.device)
    rows, size = model.sides[0], 2 * model.sides[1]
    room = max(1, batch_bytes(spins.device) // block_inverse.scratch_bytes(size, rows))
    logs, blocks = [], []
    for group in torch.split(model.diagonal_rows(spins), max(1, room // len(frequencies))):
        parts = [block_inverse.logs_and_site_blocks(group, coupling, each) for each in torch.split(frequencies, room)]
        logs.append(torch.cat([each for each, _ in parts], dim=1))
        blocks.append(torch.stack([each for _, each in parts]).sum(dim=0))
    return torch.cat(logs), torch.cat(blocks)


def _fields(
    model: LatticeElectrons, matrix: object, resolvents: Array, how: matsubara.Truncation
) -> tuple[Array, float]:
    """Return the fields (3, n) of one configuration and the estimate of the error of a component."""
    count = np.arange(1, how.moments + 2)
    factors = 2 * model.T * count * how.tail_factors()
    tail = factors[:, None, None] * _moments(sparse_determinant.odd_site_blocks(matrix, len(count)))  # (M + 1, 3, n)
    main = -2 * model.T * _moments(resolvents.reshape(-1, 2, 2))  # G = -(H - i w)^{-1}
    fields = 0.5 * model.J * (main - tail[:-1].sum(axis=0))
    norms = 2 * model.T * float((2 / how.matsubara()).sum()) + float(np.abs(tail[:-1]).sum(axis=0).max())
    truncation = float(np.abs(tail[-1]).max())
    return fields, 0.5 * abs(model.J) * (truncation + matsubara.ROUNDING * norms)


def _moments(blocks: Array) -> Array:
    """Return Re tr[sigma_a g], (..., 3, n), of 2 x 2 blocks g (..., n, 2, 2)."""
    up, flip, back, down = blocks[..., 0, 0], blocks[..., 0, 1], blocks[..., 1, 0], blocks[..., 1, 1]
    return np.stack([(flip + back).real, (1j * (flip - back)).real, (up - down).real], axis=-2)
