"""Metadata of a dataset: its system, its random streams, its labels and their cost."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from typing import Any

from efnn_cli.core.provenance import versions
from efnn_cli.datasets import cost
from efnn_cli.datasets.job import Job
from efnn_cli.physics.sampling import diagnose
from efnn_cli.physics.thermal import Bath
from efnn_cli.storage.dataset import Dataset

LOGGER = logging.getLogger("efnn")


def dataset_metadata(job: Job, shards: Sequence[Dataset], seconds: float) -> dict[str, Any]:
    """Return the metadata of the dataset of all `shards`.

    `seconds` is the wall time of all workers (for merged parts the sum of their times); `seconds_per_configuration`
    is the time of one worker.
    """
    return {
        "purpose": job.purpose,
        "system": job.system.described(),
        "samples": job.samples,
        "sampling": "given" if job.given is not None else job.sampling,
        "seed": job.seed,
        "thermal": None if job.bath is None else _thermal(job, job.bath),
        "shard_size": cost.shard_size(job.system),
        "job": job.tag,
        "reference": _reference(job, shards, seconds),
        "units": {"energies": job.system.energy_unit, "spins": "dimensionless"},
        "versions": versions(),
    }


def _reference(job: Job, shards: Sequence[Dataset], seconds: float) -> dict[str, Any]:
    """Return the method of the labels, its accuracy and its cost."""
    redone = sum(shard.metadata["redone"] for shard in shards)
    if redone:
        LOGGER.warning("%d spectra failed their trace identities and were computed again on the CPU", redone)
    electrons = [shard.metadata["electrons"] for shard in shards]
    of_fields = [each for shard in shards if (each := shard.metadata.get("field_error")) is not None]
    errors = [float(shard.errors.max()) for shard in shards if shard.errors is not None]
    return {
        "method": job.reference,
        "seconds": seconds,
        "seconds_per_configuration": sum(shard.metadata["seconds"] for shard in shards) / job.samples,
        "tolerance": job.tolerance if errors else None,
        "largest_error_estimate": max(errors) if errors else None,
        "largest_field_error_estimate": max(of_fields, default=None),
        "device": ", ".join(sorted({shard.metadata["device"] for shard in shards})),
        "redone_on_cpu": redone,
        "density": None if None in electrons else sum(electrons) / job.samples,
    }


def _thermal(job: Job, bath: Bath) -> dict[str, Any]:
    """Return the bath and the autocorrelation time of its chains; warn where the chains are too short."""
    found = diagnose(bath, job.system.sides, job.seed)
    if 10 * found["autocorrelation_sweeps"] > bath.sweeps:
        LOGGER.warning(
            "thermal spins: the autocorrelation time is %.3g sweeps, the chains have only %d: take spin_sweeps=%d",
            found["autocorrelation_sweeps"],
            bath.sweeps,
            round(20 * found["autocorrelation_sweeps"]),
        )
    return {**dataclasses.asdict(bath), "method": "heat bath and overrelaxation", "acceptance": 1.0, **found}
