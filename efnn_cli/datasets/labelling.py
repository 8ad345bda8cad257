"""Label a job into its dataset file: resume, label, assemble, clean up."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from efnn_cli.core.errors import ConflictError, InputError
from efnn_cli.core.progress import Meter
from efnn_cli.core.resources import batch_bytes, require_memory
from efnn_cli.datasets import cost
from efnn_cli.datasets.executors import CheckStop, Executor, label_shard
from efnn_cli.datasets.job import Job, Part
from efnn_cli.datasets.metadata import dataset_metadata
from efnn_cli.datasets.shards import ShardFolder, other_shards
from efnn_cli.physics.system import Draw
from efnn_cli.storage import atomic, dataset, lock
from efnn_cli.storage.dataset import Dataset

LOGGER = logging.getLogger("efnn")


def label_dataset(
    job: Job, path: Path, executor: Executor, progress: Meter, check_stop: CheckStop, *, overwrite: bool = False
) -> tuple[Dataset, bool]:
    """Return the dataset of `job` at `path`, and whether it existed; label the shards that are missing.

    One process labels, others wait for it; it waits for parts in work. A damaged dataset is an `InputError`, but a
    damaged reference dataset is labelled again.
    """
    if not overwrite and (found := existing(job, path)) is not None:
        return found, True
    atomic.make_folder(path.parent)
    with lock.alone(path, check_stop):
        if not overwrite and (found := existing(job, path, warn=True)) is not None:
            return found, True
        require_resources(job, path.parent, executor)
        store = ShardFolder(job, path)
        start = time.perf_counter()
        earlier = _label(job, job.shards(), store, executor, progress, check_stop)
        seconds = time.perf_counter() - start + earlier / executor.count
        return _assemble(job, path, store, seconds), False


def label_part(
    job: Job, path: Path, executor: Executor, part: Part, progress: Meter, check_stop: CheckStop
) -> Dataset | None:
    """Label the shards of one part of `job` and leave them beside `path`; return the dataset where it exists already.

    Parts may run at the same time, on any machines that share the folder.
    """
    if (found := existing(job, path)) is not None:
        return found
    atomic.make_folder(path.parent)
    with lock.beside(path, part.name, check_stop):
        draws = part.of(job.shards())
        if not draws or (found := existing(job, path)) is not None:
            return found
        require_resources(job, path.parent, executor)
        _label(job, draws, ShardFolder(job, path), executor, progress, check_stop)
    return None


def merge_parts(jobs: Sequence[Job], path: Path, check_stop: CheckStop) -> tuple[Dataset, bool]:
    """Return the dataset at `path`, assembled from the shards of all parts, and whether it existed.

    `jobs` differ by their reference method alone: the first with all its shards is taken. Raises `InputError` where
    shards are missing.
    """
    if (found := existing(jobs[0], path)) is not None:
        return found, True
    _complete_job(jobs, path)
    with lock.alone(path, check_stop):
        if (found := existing(jobs[0], path)) is not None:
            return found, True
        job = _complete_job(jobs, path)
        store = ShardFolder(job, path)
        seconds = sum(_stored(store, draw).metadata["seconds"] for draw in job.shards())
        return _assemble(job, path, store, seconds), False


def existing(job: Job, path: Path, *, warn: bool = False) -> Dataset | None:
    """Return the dataset of `job` at `path`; None where there is none, or a damaged reference dataset.

    Raises `ConflictError` for a good dataset of another job.
    """
    if not os.path.exists(path):
        return None
    try:
        data = dataset.read(path)
    except InputError as error:
        if job.purpose == "reference":
            if warn:
                LOGGER.warning("%s: labelling it anew", error.message)
            return None
        hint = error.hint or "label it again: the same efnn generate with --overwrite"
        raise InputError(error.message, hint) from error
    if data.metadata.get("job") != job.tag:
        raise ConflictError(f"{path} is the dataset of another job", "move it away; the same command makes this one")
    return data


def require_resources(job: Job, folder: Path, executor: Executor) -> None:
    """Raise before any work where the job does not fit into memory or on the disk of `folder`."""
    labels = cost.label_bytes(job.system, job.reference, fields=job.fields)
    worker = max(batch_bytes(executor.device), labels)
    purpose = f"{job.reference} labelling at L = {job.system.size}"
    require_memory(executor.device, executor.batches_in_memory * worker, purpose)
    stored = cost.file_bytes(job.system, job.samples, fields=job.fields, levels=job.levels)
    require_memory(torch.device("cpu"), 3 * stored, f"a dataset of {job.samples} configurations")
    atomic.require_space(folder, 2 * stored)


def _label(
    job: Job,
    draws: Sequence[Draw],
    store: ShardFolder,
    executor: Executor,
    progress: Meter,
    check_stop: CheckStop,
) -> float:
    """Label the shards of `draws` that are not stored yet; return the seconds that the stored ones took."""
    store.make()
    seconds = {draw: shard.metadata["seconds"] for draw in draws if (shard := store.load(draw)) is not None}
    if seconds:
        progress(sum(draw.count for draw in seconds), earlier=True)
    missing = [draw for draw in draws if draw not in seconds]
    if missing:

        def done(share: tuple[Job, Draw], shard: Dataset) -> None:
            store.save(share[1], shard)
            progress(share[1].count)

        executor.run(label_shard, map(job.share, missing), done, check_stop)
    return float(sum(seconds.values()))


def _assemble(job: Job, path: Path, store: ShardFolder, seconds: float) -> Dataset:
    """Write the dataset of all stored shards, and remove these."""
    shards = [_stored(store, draw) for draw in job.shards()]
    data = dataset.join(shards, dataset_metadata(job, shards, seconds))
    atomic.remove_leftovers(path)
    written = dataset.write(path, replace(data, couplings=job.system.couplings).arrays(), data.metadata)
    store.remove()
    return written


def _complete_job(jobs: Sequence[Job], path: Path) -> Job:
    """Return the first job with all its shards; raises `InputError` naming the fewest missing ones."""
    lacking = []
    for job in jobs:
        store = ShardFolder(job, path)
        missing = [draw.shard for draw in job.shards() if store.load(draw) is None]
        if not missing:
            return job
        lacking.append((len(missing), missing[0], len(job.shards())))
    count, first, total = min(lacking)
    others = other_shards(path) if count == total else ""
    raise InputError(
        f"{count} of {total} shards are missing, the first is number {first}",
        others or "label them with efnn generate ... --shards N --shard-index I, or all with efnn generate ...",
    )


def _stored(store: ShardFolder, draw: Draw) -> Dataset:
    shard = store.load(draw)
    if shard is None:
        raise RuntimeError(f"shard {draw.shard} vanished while its job was running")
    return shard
