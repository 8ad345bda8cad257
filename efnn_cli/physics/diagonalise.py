"""Dense diagonalisation of batches of Hermitian matrices, every result checked.

Levels are checked by sum e_n = tr H and sum e_n^2 = tr H^2, eigenvectors by H V = V E and V+ V = 1. Wrong results of
batches have been reported of accelerators: what fails is computed again on the CPU.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from efnn_cli.core.errors import NumericalError

NUMPY_UP_TO = 1000
WITH_MKL: bool = torch.backends.mkl.is_available()  # type: ignore[no-untyped-call]
CPU_INFO = Path("/proc/cpuinfo")
TRACE_TOLERANCE = 1e-9  # of the two trace identities, relative to their natural scales
STATE_TOLERANCE = 1e-9
BROKEN = "the linear algebra library returned wrong results; report the machine and its versions"


def checked_levels(hamiltonians: Tensor) -> tuple[Tensor, int]:
    """Return the levels (B, N), ascending, of Hermitian matrices (B, N, N), and how many were wrong at first.

    Raises `NumericalError` where the CPU gives wrong levels too.
    """
    levels = dense_levels(hamiltonians)
    wrong = ~traces_hold(hamiltonians, levels)
    redone = int(wrong.sum())
    if redone:
        levels[wrong] = dense_levels(hamiltonians[wrong].cpu()).to(levels.device)
        left = int((~traces_hold(hamiltonians, levels)).sum())
        if left:
            raise NumericalError(f"diagonalisation: {left} of {len(levels)} spectra violate tr H or tr H^2", BROKEN)
    return levels, redone


def checked_states(hamiltonians: Tensor) -> tuple[Tensor, Tensor]:
    """Return levels (B, N) and eigenvectors (B, N, N) in columns; wrong ones are computed again on the CPU.

    Raises `NumericalError` where the CPU gives wrong ones too.
    """
    levels, states = dense_states(hamiltonians)
    wrong = ~states_hold(hamiltonians, levels, states)
    if wrong.any():
        matrices = hamiltonians[wrong].cpu()
        again = dense_states(matrices)
        left = int((~states_hold(matrices, *again)).sum())
        if left:
            raise NumericalError(f"diagonalisation: {left} of {len(levels)} sets of eigenvectors are wrong", BROKEN)
        levels[wrong], states[wrong] = (each.to(levels.device) for each in again)
    return levels, states


def dense_levels(hamiltonians: Tensor) -> Tensor:
    """Return the eigenvalues (B, N), ascending, of Hermitian complex128 matrices (B, N, N), by LAPACK on their device.

    Raises `NumericalError` where the iteration does not converge.
    """
    try:
        if hamiltonians.device.type == "cpu" and numpy_is_faster(hamiltonians.shape[-1]):
            return torch.from_numpy(np.linalg.eigvalsh(hamiltonians.numpy()))
        levels: Tensor = torch.linalg.eigvalsh(hamiltonians)
    except (np.linalg.LinAlgError, torch.linalg.LinAlgError) as error:  # type: ignore[attr-defined]
        raise NumericalError(f"diagonalisation did not converge: {error}") from error
    return levels


def dense_states(hamiltonians: Tensor) -> tuple[Tensor, Tensor]:
    """Return eigenvalues (B, N), ascending, and eigenvectors (B, N, N) in columns, of Hermitian complex128 (B, N, N).

    Raises `NumericalError` where the iteration does not converge.
    """
    try:
        levels, states = torch.linalg.eigh(hamiltonians)
    except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]
        raise NumericalError(f"diagonalisation did not converge: {error}") from error
    return levels, states


def traces_hold(hamiltonians: Tensor, levels: Tensor) -> Tensor:
    """Return True, bool (B,), where sum e_n = tr H and sum e_n^2 = ||H||_F^2 to `TRACE_TOLERANCE`."""
    trace = hamiltonians.diagonal(dim1=1, dim2=2).real.sum(dim=1)
    square = torch.view_as_real(hamiltonians).square().sum(dim=(1, 2, 3))
    scale = (levels.shape[1] * square).sqrt()  # bounds sum |e_n|, by Cauchy and Schwarz
    first = (levels.sum(dim=1) - trace).abs() <= TRACE_TOLERANCE * scale
    return first & ((levels.square().sum(dim=1) - square).abs() <= TRACE_TOLERANCE * square)


def states_hold(hamiltonians: Tensor, levels: Tensor, states: Tensor) -> Tensor:
    """Return True, bool (B,), where H V = V E and V+ V = 1: relative to the largest |e_n|, and absolutely.

    N orthonormal eigenvectors are all there are, so that nothing about the spectrum is left to check.
    """
    rest = torch.matmul(hamiltonians, states)
    rest -= states * levels[:, None]
    residual = rest.abs().amax(dim=(1, 2))
    torch.matmul(states.mH, states, out=rest)
    rest.diagonal(dim1=1, dim2=2).sub_(1)
    orthonormal = rest.abs().amax(dim=(1, 2)) <= STATE_TOLERANCE
    return orthonormal & (residual <= STATE_TOLERANCE * levels.abs().amax(dim=1))


def numpy_is_faster(levels: int) -> bool:
    """Return True where NumPy's LAPACK beats PyTorch's for N levels.

    PyTorch brings MKL, which is the fastest on Intel's processors. On others OpenBLAS was 1.4 times faster up to a few
    hundred levels (2.3 against 3.3 ms at N = 200) and slower from 1800 on.
    """
    return levels <= NUMPY_UP_TO and not (WITH_MKL and on_intel())


@cache
def on_intel() -> bool:
    """Return True on a processor of Intel's, as far as the system says."""
    try:
        return "GenuineIntel" in CPU_INFO.read_text()
    except OSError:
        return False
