"""`efnn generate SYSTEM`: draw spin configurations and label them with energies."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import os
from pathlib import Path

import numpy as np

from efnn_cli import catalogue, device
from efnn_cli.config import Request, compose, settle
from efnn_cli.console import Console
from efnn_cli.errors import ConflictError, InputError
from efnn_cli.labelling.job import Job
from efnn_cli.labelling.produce import produce, require_resources, size_in_bytes
from efnn_cli.physics.system import Array
from efnn_cli.results import Result, number, shown
from efnn_cli.schema import fingerprint
from efnn_cli.settings import GenerateConfig, generate_config
from efnn_cli.signals import StopRequest
from efnn_cli.storage import atomic, dataset
from efnn_cli.storage.dataset import Dataset
from efnn_cli.storage.spins_file import read_spins

LOGGER = logging.getLogger("efnn")


def run(
    request: Request,
    console: Console,
    *,
    spins: Path | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
) -> Result:
    """Make the dataset of the configuration, or find it made."""
    config = generate_config(compose("generate", request))
    given = None
    if spins is not None:
        config, given = with_given_spins(config, request, spins)
    target = device.resolve(config.device)
    given_hash = None if given is None else hashlib.sha256(given.tobytes()).hexdigest()
    tag = fingerprint(config.identity(given_hash))
    path = out or catalogue.dataset_path(config, "train", given_hash)
    job = config.job("train", target.type, given)
    if not overwrite:
        refuse_other(path, tag)
    if dry_run:
        atomic.prove_writable(path.parent)
        require_resources(job, Path.cwd(), target, config.workers)
        return planned(job, path)
    LOGGER.info("labelling on %s, %d workers, reference %s", device.describe(target), config.workers, job.reference)
    with (
        StopRequest("the same command continues from the finished shards") as stop,
        console.meter("labelling", config.samples, "configurations") as advance,
    ):
        data, existed = produce(
            job,
            path,
            tag,
            target,
            config.workers,
            overwrite=overwrite,
            progress=advance,
            on_wait=lambda owner: LOGGER.info("%s is being made by %s: waiting", path, owner),
            pause=stop.check,
        )
    if existed:
        LOGGER.info("%s was there already", shown(path))
        catalogue.renew(path)
    return report(data, path)


def with_given_spins(config: GenerateConfig, request: Request, path: Path) -> tuple[GenerateConfig, Array]:
    """The configuration for the user's own spins, which decide size and number; raises `InputError`."""
    spins = read_spins(path)
    said = settle(request)
    found = {"system.L": spins.shape[-1], "samples": len(spins)}
    for key, value in found.items():
        if key in said and said[key].value != value:
            raise InputError(f"{path} has {key} = {value}, but {said[key].origin!r} was asked for")
    system = config.system.at_size(spins.shape[-1])
    system.check_spins(spins, str(path))
    return dataclasses.replace(config, system=system, samples=len(spins)), spins


def refuse_other(path: Path, tag: str) -> None:
    """Raise `ConflictError` where `path` is something else than this dataset."""
    if not os.path.exists(path):
        return
    try:
        same = dataset.read_metadata(path).get("job") == tag
    except InputError:
        same = False
    if not same:
        raise ConflictError(f"{path} exists and is something else", "choose another --out, or --overwrite it")


def planned(job: Job, path: Path) -> Result:
    """What a dry run says."""
    size = size_in_bytes(job)
    metrics = {"samples": job.samples, "shards": len(job.shards()), "bytes": size, "reference": job.reference}
    rows = [[key, number(value)] for key, value in metrics.items()]
    return Result("generate", metrics, {"dataset": shown(path)}, "planned", rows)


def report(data: Dataset, path: Path) -> Result:
    """Mean and spread of the energies, and what the labels took."""
    stored = data.metadata["reference"]
    metrics = {
        "samples": len(data),
        "mean": float(np.mean(data.energies)),
        "std": float(np.std(data.energies)),
        "seconds": stored["seconds"],
        "samples_per_second": len(data) / max(stored["seconds"], 1e-9),
        "reference": stored["method"],
    }
    rows = [[key, number(value)] for key, value in metrics.items()]
    return Result("generate", metrics, {"dataset": shown(path)}, rows=rows)
