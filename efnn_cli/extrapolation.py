"""Errors of a network against the size of the lattice, and the time it takes against the reference."""

from __future__ import annotations

import hashlib
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from efnn_cli.errors import NumericalError
from efnn_cli.loading import Run
from efnn_cli.physics.system import Array
from efnn_cli.storage.dataset import Dataset
from efnn_cli.training.metrics import measure
from efnn_cli.training.predict import predict

TIMING_REPEATS = 3


@dataclass(frozen=True)
class SizeRow:
    """One lattice size: errors, and seconds per configuration of network and reference."""

    L: int
    samples: int
    rmse: float
    relative_error: float | None
    rmse_over_std: float | None
    rmse_per_site: float
    bias_per_site: float
    seconds_per_configuration: float
    reference_seconds_per_configuration: float
    speedup: float
    reference: str


def judge_size(members: Sequence[Run], data: Dataset) -> SizeRow:
    """Errors of the mean prediction of `members` on references of one size, and timings."""
    size = data.spins.shape[-1]
    sites = size * size
    predicted = ensemble_mean(members, data.spins)
    metrics = measure(predicted, data.energies)
    seconds = seconds_per_configuration(members, data.spins)
    reference = data.metadata["reference"]
    return SizeRow(
        L=size,
        samples=metrics.samples,
        rmse=metrics.rmse,
        relative_error=metrics.relative_error,
        rmse_over_std=metrics.rmse_over_std,
        rmse_per_site=metrics.rmse / sites,
        bias_per_site=metrics.bias / sites,
        seconds_per_configuration=seconds,
        reference_seconds_per_configuration=reference["seconds_per_configuration"],
        speedup=reference["seconds_per_configuration"] / seconds,
        reference=reference["method"],
    )


def ensemble_mean(members: Sequence[Run], spins: Array) -> Array:
    """Mean prediction (B,); raises `NumericalError` where one is not finite."""
    mean = np.mean([predict(member.model, spins, member.device) for member in members], axis=0)
    if not np.isfinite(mean).all():
        raise NumericalError(f"a prediction at L = {spins.shape[-1]} is not finite")
    return np.asarray(mean, dtype=np.float64)


def seconds_per_configuration(members: Sequence[Run], spins: Array) -> float:
    """Median time of a prediction in batches, summed over the ensemble, on one core of a CPU like the reference."""
    times = []
    with _one_thread():
        for _ in range(TIMING_REPEATS + 1):  # the first one warms up
            start = time.perf_counter()
            for member in members:
                predict(member.model, spins, member.device)
            times.append(time.perf_counter() - start)
    return statistics.median(times[1:]) / len(spins)


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def weights_digest(members: Sequence[Run]) -> str:
    """First 8 hexadecimal digits of the SHA-256 over the weights of all members: which network a figure is of."""
    total = hashlib.sha256()
    for member in members:
        for name, tensor in sorted(member.model.state_dict().items()):
            total.update(name.encode())
            total.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()[:8]
