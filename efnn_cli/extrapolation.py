"""Errors of a network against the size of the lattice, and the time it takes against the reference."""

from __future__ import annotations

import csv
import io
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from efnn_cli.errors import InputError, NumericalError
from efnn_cli.loading import Run
from efnn_cli.physics.system import Array
from efnn_cli.storage import atomic
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


def default_samples(size: int) -> int:
    """References per size: fewer where they are expensive."""
    return 64 if size <= 40 else 16 if size <= 64 else 4


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
    """Median time of a prediction in batches, summed over the ensemble; the call before has warmed up."""
    times = []
    for _ in range(TIMING_REPEATS):
        start = time.perf_counter()
        for member in members:
            predict(member.model, spins, member.device)
        times.append(time.perf_counter() - start)
    return statistics.median(times) / len(spins)


def merge_table(path: Path, rows: Sequence[SizeRow], key: dict[str, Any]) -> list[dict[str, str]]:
    """Write `rows` into the CSV at `path`, keeping its rows of other sizes and samplings; returns all rows."""
    columns = [*key, *(each.name for each in fields(SizeRow))]
    fresh = [{name: _cell(value) for name, value in {**key, **asdict(row)}.items()} for row in rows]
    identity = [*key, "L", "samples", "reference"]
    taken = {tuple(row[name] for name in identity) for row in fresh}
    kept = [row for row in _read_table(path, columns) if tuple(row[name] for name in identity) not in taken]
    merged = sorted(kept + fresh, key=lambda row: (row["sampling"], int(row["L"])))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(merged)
    atomic.write_text(path, text.getvalue())
    return merged


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def _read_table(path: Path, columns: list[str]) -> list[dict[str, str]]:
    if not os.path.exists(path):
        return []
    try:
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
        rows = list(reader)
    except (OSError, UnicodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    if reader.fieldnames != columns or any(None in row.values() or None in row for row in rows):
        raise InputError(f"{path} is not an extrapolation table of this efnn", "remove it, or use --out")
    return rows
