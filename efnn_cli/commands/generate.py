"""`efnn generate SYSTEM`: draw spin configurations and label them with energies."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from efnn_cli import catalogue, device
from efnn_cli.config import Request, compose, settle
from efnn_cli.console import Console
from efnn_cli.errors import ConflictError, InputError
from efnn_cli.labelling.job import Job, Part
from efnn_cli.labelling.produce import missing_shards, produce, produce_part, require_resources, size_in_bytes
from efnn_cli.physics.system import Array
from efnn_cli.results import Result, number, shown
from efnn_cli.schema import fingerprint
from efnn_cli.settings import GenerateConfig, generate_config
from efnn_cli.signals import StopRequest
from efnn_cli.storage import atomic, dataset
from efnn_cli.storage.dataset import Dataset
from efnn_cli.storage.spins_file import read_spins

LOGGER = logging.getLogger("efnn")


@dataclass(frozen=True)
class Plan:
    """What to label, where it goes, and with what."""

    config: GenerateConfig
    job: Job
    path: Path
    tag: str
    target: torch.device


def run(
    request: Request,
    console: Console,
    *,
    spins: Path | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
    part: Part | None = None,
) -> Result:
    """Make the dataset of the configuration, or find it made; with `part` only a share of its shards."""
    plan = make_plan(request, spins, out)
    if not overwrite:
        refuse_other(plan.path, plan.tag)
    if dry_run:
        atomic.prove_writable(plan.path.parent)
        require_resources(plan.job, Path.cwd(), plan.target, plan.config.workers)
        return planned(plan.job, plan.path)
    where = (plan.job, plan.path, plan.tag, plan.target, plan.config.workers)
    LOGGER.info(
        "labelling on %s, %d workers, reference %s", device.describe(plan.target), where[-1], plan.job.reference
    )
    with (
        StopRequest("the same command continues from the finished shards") as stop,
        console.meter("labelling", samples_of(plan.job, part), "configurations") as advance,
    ):
        if part is not None:
            folder = produce_part(*where, part, progress=advance, on_wait=waiting(plan.path), pause=stop.check)
            return partial(plan.job, part, folder)
        data, existed = produce(
            *where, overwrite=overwrite, progress=advance, on_wait=waiting(plan.path), pause=stop.check
        )
    if existed:
        LOGGER.info("%s was there already", shown(plan.path))
        catalogue.renew(plan.path)
    return report(data, plan.path)


def merge(request: Request, console: Console, *, spins: Path | None = None, out: Path | None = None) -> Result:
    """Make the dataset from the shards that the parts have left; labels nothing itself."""
    plan = make_plan(request, spins, out)
    if not os.path.exists(plan.path) and (missing := missing_shards(plan.job, plan.path, plan.tag)):
        raise InputError(
            f"{len(missing)} of {len(plan.job.shards())} shards are missing, the first is number {missing[0]}",
            "label them with efnn generate ... --shards N --shard-index I, or all with efnn generate ...",
        )
    return dataclasses.replace(run(request, console, spins=spins, out=out), command="merge")


def make_plan(request: Request, spins: Path | None, out: Path | None) -> Plan:
    """Everything settled and checked, nothing done yet."""
    config = generate_config(compose("generate", request))
    given = None
    if spins is not None:
        config, given = with_given_spins(config, request, spins)
    target = device.resolve(config.device)
    given_hash = None if given is None else hashlib.sha256(given.tobytes()).hexdigest()
    tag = fingerprint(config.identity(given_hash))
    path = out or catalogue.dataset_path(config, "train", given_hash)
    return Plan(config, config.job("train", target.type, given), path, tag, target)


def samples_of(job: Job, part: Part | None) -> int:
    """Configurations of the whole job, or of one part."""
    shards = job.shards()
    return sum(draw.count for draw in (shards if part is None else shards[part.index :: part.count]))


def partial(job: Job, part: Part, folder: Path) -> Result:
    """What one part has done."""
    metrics = {"samples": samples_of(job, part), "shards": part.count, "shard_index": part.index}
    rows = [[key, number(value)] for key, value in metrics.items()]
    return Result("generate", metrics, {"shards": shown(folder)}, "partial", rows)


def waiting(path: Path) -> Callable[[str], None]:
    """What to say while another process makes `path`."""
    return lambda owner: LOGGER.info("%s is being made by %s: waiting", shown(path), owner)


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
