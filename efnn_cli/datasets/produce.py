"""From a job to a dataset file: resume, label, assemble, clean up."""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from efnn_cli.core.errors import ConflictError, InputError
from efnn_cli.core.memory import require_memory
from efnn_cli.core.provenance import versions
from efnn_cli.datasets import cost
from efnn_cli.datasets.crew import Crew
from efnn_cli.datasets.job import Job, LabelledSpins, Part
from efnn_cli.datasets.shards import Shard, ShardFolder
from efnn_cli.physics import Draw
from efnn_cli.physics.sampling import diagnose
from efnn_cli.physics.thermal import Bath
from efnn_cli.storage import atomic, dataset, lock
from efnn_cli.storage.dataset import Dataset

LOGGER = logging.getLogger("efnn")


class Progress(Protocol):
    """Told how many configurations are labelled."""

    def __call__(self, amount: int, /, *, earlier: bool = False) -> None:
        """`amount` more configurations are done, or had been done `earlier` by another process."""


def produce(
    job: Job,
    path: Path,
    job_hash: str,
    crew: Crew,
    *,
    overwrite: bool,
    progress: Progress,
    on_wait: Callable[[str], None],
    pause: Callable[[], None],
) -> tuple[Dataset, bool]:
    """The dataset of `job` at `path`, and whether it had been there already.

    One process makes it, others wait for it, and it waits for parts that are at work. Shards that an earlier process
    left are used. A damaged dataset is an `InputError`, but a damaged reference is made again: it is only a cache.
    """
    if not overwrite and (found := finished(job, path, job_hash)) is not None:
        return found, True
    atomic.make_folder(path.parent)
    with lock.alone(_lock_file(path), on_wait, pause):
        if not overwrite and (found := finished(job, path, job_hash, aloud=True)) is not None:
            return found, True
        require_resources(job, path.parent, crew)
        store = _shards_of(job, path, job_hash)
        atomic.make_folder(store.folder)
        start = time.perf_counter()
        earlier = _label(job, job.shards(), store, crew, progress, pause)
        seconds = time.perf_counter() - start + earlier / crew.count
        return _assemble(job, path, job_hash, store, seconds), False


def produce_part(
    job: Job,
    path: Path,
    job_hash: str,
    crew: Crew,
    part: Part,
    *,
    progress: Progress,
    on_wait: Callable[[str], None],
    pause: Callable[[], None],
) -> Dataset | None:
    """Label the shards of one part of `job` and leave them beside `path`; the dataset itself where it is there already.

    Parts may run at the same time, on any machines that share the folder. `produce` then finds them all.
    """
    if (found := finished(job, path, job_hash)) is not None:
        return found
    atomic.make_folder(path.parent)
    name = f"part-{part.index}-of-{part.count}"
    with lock.beside(_lock_file(path), name, on_wait, pause):
        mine = part.of(job.shards())
        if not mine or (found := finished(job, path, job_hash)) is not None:
            return found
        require_resources(job, path.parent, crew)
        store = _shards_of(job, path, job_hash)
        atomic.make_folder(store.folder)
        _label(job, mine, store, crew, progress, pause)
    return None


def merge(
    jobs: Sequence[Job],
    path: Path,
    job_hash: str,
    *,
    on_wait: Callable[[str], None],
    pause: Callable[[], None],
) -> tuple[Dataset, bool]:
    """The dataset at `path` from the shards of all parts, and whether it had been there already; labels nothing.

    `jobs` differ by their reference method alone: the first whose shards are all there is taken. Raises `InputError`
    where there is none.
    """
    if (found := finished(jobs[0], path, job_hash)) is not None:
        return found, True
    _complete(jobs, path, job_hash)
    with lock.alone(_lock_file(path), on_wait, pause):
        if (found := finished(jobs[0], path, job_hash)) is not None:
            return found, True
        job = _complete(jobs, path, job_hash)
        store = _shards_of(job, path, job_hash)
        return _assemble(job, path, job_hash, store, sum(_stored(store, draw).seconds for draw in job.shards())), False


def finished(job: Job, path: Path, job_hash: str, *, aloud: bool = False) -> Dataset | None:
    """The dataset of `job` at `path`; None where there is none, or a damaged reference (with a warning if `aloud`).

    Raises `ConflictError` for a good dataset of another job, whatever its name says.
    """
    if not os.path.exists(path):
        return None
    try:
        data = dataset.read(path)
        if data.metadata.get("job") == job_hash:
            return data
        raise ConflictError(f"{path} is the dataset of another job", "move it away; the same command makes this one")
    except InputError as error:
        if job.purpose == "reference":
            if aloud:
                LOGGER.warning("%s: labelling it anew", error.message)
            return None
        hint = error.hint or "label it again: the same efnn generate with --overwrite"
        raise InputError(error.message, hint) from error


def shard_folder(path: Path) -> Path:
    """Where the shards of the dataset at `path` lie until it is there."""
    return path.with_name(f".{path.stem}.shards")


def _lock_file(path: Path) -> Path:
    return path.with_name(f".{path.stem}.lock")


def _shards_of(job: Job, path: Path, job_hash: str) -> ShardFolder:
    return ShardFolder(shard_folder(path), f"{job_hash} {job.reference}", job.system.spin_shape, fields=job.fields)


def _complete(jobs: Sequence[Job], path: Path, job_hash: str) -> Job:
    """The first job whose shards are all there; raises `InputError` with what the best one lacks."""
    lacks = []
    for job in jobs:
        store = _shards_of(job, path, job_hash)
        missing = [draw.shard for draw in job.shards() if store.load(draw) is None]
        if not missing:
            return job
        lacks.append((len(missing), missing[0], len(job.shards())))
    count, first, total = min(lacks)
    raise InputError(
        f"{count} of {total} shards are missing, the first is number {first}",
        "label them with efnn generate ... --shards N --shard-index I, or all with efnn generate ...",
    )


def require_resources(job: Job, folder: Path, crew: Crew) -> None:
    """Refuse, before any work, what cannot fit into memory or on the disk."""
    stored = size_in_bytes(job)
    require_memory(
        crew.device, crew.at_once * job.worker_bytes(crew.device), f"{job.reference} labelling at L = {job.system.size}"
    )
    require_memory(torch.device("cpu"), 3 * stored, f"a dataset of {job.samples} configurations")
    atomic.require_space(folder, 2 * stored)


def size_in_bytes(job: Job) -> int:
    """Size of the dataset file, but for its metadata."""
    return 8 * job.samples * (2 + int(np.prod(job.system.spin_shape)) * (2 if job.fields else 1))


def _label(
    job: Job,
    draws: Sequence[Draw],
    store: ShardFolder,
    crew: Crew,
    progress: Progress,
    pause: Callable[[], None],
) -> float:
    """Label the shards of `draws` that are not stored yet; returns the seconds that the others took."""
    seconds = {draw: shard.seconds for draw in draws if (shard := store.load(draw)) is not None}
    if seconds:
        progress(sum(draw.count for draw in seconds), earlier=True)
    missing = [draw for draw in draws if draw not in seconds]
    if missing:
        crew.label(job, missing, store.save, lambda draw: progress(draw.count), pause)
    return sum(seconds.values())


def _assemble(job: Job, path: Path, job_hash: str, store: ShardFolder, seconds: float) -> Dataset:
    """The dataset of all stored shards, written; the shards are removed."""
    shards = [_stored(store, draw) for draw in job.shards()]
    couplings = {} if job.system.couplings is None else {"couplings": job.system.couplings}
    content = LabelledSpins.join([shard.content for shard in shards])
    if content.redone:
        LOGGER.warning("%d spectra failed their trace identities and were computed again on the CPU", content.redone)
    atomic.remove_leftovers(path)
    result = dataset.write(path, content.arrays() | couplings, _metadata(job, job_hash, content, shards, seconds))
    store.remove()
    return result


def _stored(store: ShardFolder, draw: Draw) -> Shard:
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
    job: Job, job_hash: str, content: LabelledSpins, shards: Sequence[Shard], seconds: float
) -> dict[str, Any]:
    """Everything a later reader needs to know.

    `seconds` is the wall time with all workers (of merged parts: the sum of their workers' times),
    `seconds_per_configuration` the time of one worker.
    """
    return {
        "purpose": job.purpose,
        "system": {"name": job.system.name, **job.system.parameters()},
        "samples": job.samples,
        "sampling": "given" if job.given is not None else job.sampling,
        "seed": job.seed,
        "thermal": None if job.bath is None else _thermal(job, job.bath),
        "shard_size": cost.shard_size(job.system),
        "job": job_hash,
        "reference": {
            "method": job.reference,
            "seconds": seconds,
            "seconds_per_configuration": sum(shard.seconds for shard in shards) / job.samples,
            "tolerance": None if content.errors is None else job.tolerance,
            "largest_error_estimate": None if content.errors is None else float(content.errors.max()),
            "device": ", ".join(sorted({shard.device for shard in shards})),
            "redone_on_cpu": content.redone,
        },
        "units": {"energies": job.system.energy_unit, "spins": "dimensionless"},
        "versions": versions(),
    }
