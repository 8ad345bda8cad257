"""From a job to a dataset file: resume, label, assemble, clean up."""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from efnn_cli.device import describe, require_memory
from efnn_cli.labelling import workers as pool
from efnn_cli.labelling.job import Job, LabelledSpins, Part
from efnn_cli.labelling.shards import Shard, ShardFolder
from efnn_cli.physics.sampling import diagnose
from efnn_cli.physics.thermal import Bath
from efnn_cli.provenance import versions
from efnn_cli.storage import atomic, dataset, lock
from efnn_cli.storage.dataset import Dataset

LOGGER = logging.getLogger("efnn")


class Progress(Protocol):
    """Told how many configurations are labelled."""

    def __call__(self, amount: int, /) -> None:
        """`amount` more configurations are done."""


def produce(
    job: Job,
    path: Path,
    job_hash: str,
    device: torch.device,
    workers: int,
    *,
    overwrite: bool,
    progress: Progress,
    on_wait: Callable[[str], None],
    pause: Callable[[], None],
) -> tuple[Dataset, bool]:
    """The dataset of `job` at `path`, and whether it had been there already.

    One process makes it, others wait for it. Shards that an earlier process left are used.
    """
    if os.path.exists(path) and not overwrite:
        return dataset.read(path), True
    atomic.make_folder(path.parent)
    with lock.awaited(path.with_name(f".{path.stem}.lock"), on_wait, pause):
        if os.path.exists(path) and not overwrite:
            return dataset.read(path), True
        require_resources(job, path.parent, device, workers)
        store = _shards_of(job, path, job_hash)
        atomic.make_folder(store.folder)
        return _assemble(job, path, job_hash, device, workers, store, progress, pause), False


def produce_part(
    job: Job,
    path: Path,
    job_hash: str,
    device: torch.device,
    workers: int,
    part: Part,
    *,
    progress: Progress,
    on_wait: Callable[[str], None],
    pause: Callable[[], None],
) -> Path:
    """Label the shards of one part of `job` and leave them beside `path`; returns their folder.

    Parts may run at the same time, on any machines that share the folder. `produce` then finds them all.
    """
    atomic.make_folder(path.parent)
    store = _shards_of(job, path, job_hash)
    name = f".{path.stem}.part-{part.index}-of-{part.count}.lock"
    with lock.awaited(path.with_name(name), on_wait, pause):
        require_resources(job, path.parent, device, workers)
        atomic.make_folder(store.folder)
        mine = job.shards()[part.index :: part.count]
        missing = [draw for draw in mine if store.load(draw) is None]
        progress(sum(draw.count for draw in mine) - sum(draw.count for draw in missing))
        pool.run(job, missing, store.save, device, workers, lambda draw: progress(draw.count), pause)
    return store.folder


def missing_shards(job: Job, path: Path, job_hash: str) -> list[int]:
    """Indices of the shards that no part has left yet."""
    store = _shards_of(job, path, job_hash)
    return [draw.shard for draw in job.shards() if store.load(draw) is None]


def _shards_of(job: Job, path: Path, job_hash: str) -> ShardFolder:
    return ShardFolder(path.with_name(f".{path.stem}.shards"), f"{job_hash} {job.reference}")


def require_resources(job: Job, folder: Path, device: torch.device, workers: int) -> None:
    """Refuse, before any work, what cannot fit into memory or on the disk."""
    count = workers if device.type == "cpu" else 1
    stored = size_in_bytes(job)
    require_memory(device, count * job.batch_bytes(), f"{job.reference} labelling at L = {job.system.size}")
    require_memory(torch.device("cpu"), 3 * stored, f"a dataset of {job.samples} configurations")
    atomic.require_space(folder, 2 * stored)


def size_in_bytes(job: Job) -> int:
    """Size of the dataset file, but for its metadata."""
    return 8 * job.samples * (2 + int(np.prod(job.system.spin_shape)) * (2 if job.fields else 1))


def _assemble(
    job: Job,
    path: Path,
    job_hash: str,
    device: torch.device,
    workers: int,
    store: ShardFolder,
    progress: Progress,
    pause: Callable[[], None],
) -> Dataset:
    draws = job.shards()
    finished = {draw: shard for draw in draws if (shard := store.load(draw)) is not None}
    for draw in finished:
        progress(draw.count)
    start = time.perf_counter()
    missing = [draw for draw in draws if draw not in finished]
    pool.run(job, missing, store.save, device, workers, lambda draw: progress(draw.count), pause)
    earlier = sum(shard.seconds for shard in finished.values()) / workers
    seconds = time.perf_counter() - start + earlier
    shards = [finished.get(draw) or _stored(store, draw) for draw in draws]
    content = LabelledSpins.join([shard.content for shard in shards])
    per_configuration = sum(shard.seconds for shard in shards) / job.samples
    metadata = _metadata(job, job_hash, device, content, seconds, per_configuration)
    couplings = {} if job.system.couplings is None else {"couplings": job.system.couplings}
    result = dataset.write(path, content.arrays() | couplings, metadata)
    store.remove()
    return result


def _stored(store: ShardFolder, draw: Any) -> Shard:
    shard = store.load(draw)
    if shard is None:
        raise RuntimeError(f"shard {draw.shard} vanished while its job was running")
    return shard


def _thermal(job: Job, bath: Bath) -> dict[str, Any]:
    """The bath, and how well its chains forget; warns where they are too short."""
    found = diagnose(bath, job.system.size, job.seed)
    if 10 * found["autocorrelation_sweeps"] > bath.sweeps:
        LOGGER.warning(
            "thermal spins: the autocorrelation time is %.3g sweeps, the chains have only %d: take spin_sweeps=%d",
            found["autocorrelation_sweeps"],
            bath.sweeps,
            round(20 * found["autocorrelation_sweeps"]),
        )
    return {**dataclasses.asdict(bath), "method": "heat bath and overrelaxation", "acceptance": 1.0, **found}


def _metadata(
    job: Job, job_hash: str, device: torch.device, content: LabelledSpins, seconds: float, per_configuration: float
) -> dict[str, Any]:
    """Everything a later reader needs to know.

    `seconds` is the wall time with all workers, `seconds_per_configuration` the time of one worker.
    """
    return {
        "purpose": job.purpose,
        "system": {"name": job.system.name, **job.system.parameters()},
        "samples": job.samples,
        "sampling": "given" if job.given is not None else job.sampling,
        "seed": job.seed,
        "thermal": None if job.bath is None else _thermal(job, job.bath),
        "shard_size": job.system.shard_size,
        "job": job_hash,
        "reference": {
            "method": job.reference,
            "seconds": seconds,
            "seconds_per_configuration": per_configuration,
            "tolerance": None if content.errors is None else job.tolerance,
            "largest_error_estimate": None if content.errors is None else float(content.errors.max()),
            "device": describe(device),
        },
        "units": {"energies": job.system.energy_unit, "spins": "dimensionless"},
        "versions": versions(),
    }
