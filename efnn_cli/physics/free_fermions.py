"""Free fermions: the grand potential of independent electrons in given one-particle levels.

    Omega = -T sum_n ln(1 + exp(-e_n / T))                                       (k_B = 1)

with e_n the eigenvalues of H, the chemical potential included in H. T -> 0: the sum of the negative e_n.
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


def grand_potential(levels: Tensor, temperature: float) -> Tensor:
    """Omega (B,) of levels (B, N) in the units of `levels`; exact for every T > 0.

    ln(1 + e^-x) = max(-x, 0) + ln(1 + e^-|x|): no exponential of a positive number is taken.
    """
    thermal = torch.log1p(torch.exp(-levels.abs() / temperature)).sum(dim=-1)
    return levels.clamp(max=0.0).sum(dim=-1) - temperature * thermal


def dense_levels(hamiltonians: Tensor) -> Tensor:
    """Eigenvalues (B, N), ascending, of Hermitian complex128 matrices (B, N, N), by LAPACK on their device.

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
    """Eigenvalues (B, N), ascending, and eigenvectors (B, N, N) in columns, of Hermitian complex128 (B, N, N).

    Raises `NumericalError` where the iteration does not converge.
    """
    try:
        levels, states = torch.linalg.eigh(hamiltonians)
    except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]
        raise NumericalError(f"diagonalisation did not converge: {error}") from error
    return levels, states


def states_hold(hamiltonians: Tensor, levels: Tensor, states: Tensor, tolerance: float) -> Tensor:
    """Whether H V = V E and V+ V = 1, bool (B,), to `tolerance`: of the largest |e_n|, and absolutely.

    N orthonormal eigenvectors are all there are, so that nothing about the spectrum is left to check.
    """
    rest = torch.matmul(hamiltonians, states)
    rest -= states * levels[:, None]
    residual = rest.abs().amax(dim=(1, 2))
    torch.matmul(states.mH, states, out=rest)
    rest.diagonal(dim1=1, dim2=2).sub_(1)
    return (residual <= tolerance * levels.abs().amax(dim=1)) & (rest.abs().amax(dim=(1, 2)) <= tolerance)


def numpy_is_faster(levels: int) -> bool:
    """Whether NumPy's LAPACK beats PyTorch's for N levels.

    PyTorch brings MKL, which is the fastest on Intel's processors; on others OpenBLAS was 1.4 times faster up to a few
    hundred levels (2.3 against 3.3 ms at N = 200) and slower from 1800 on.
    """
    return levels <= NUMPY_UP_TO and not (WITH_MKL and on_intel())


@cache
def on_intel() -> bool:
    """Whether the processor is one of Intel's, as far as the system tells."""
    try:
        return "GenuineIntel" in CPU_INFO.read_text()
    except OSError:
        return False
