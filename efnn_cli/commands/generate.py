"""`efnn generate SYSTEM`: draw spin configurations and label them with energies."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from efnn_cli.config.compose import Request
from efnn_cli.core import device
from efnn_cli.core.console import Console
from efnn_cli.core.errors import ConfigError
from efnn_cli.core.results import Result, number, shown
from efnn_cli.core.signals import StopRequest
from efnn_cli.datasets import find
from efnn_cli.datasets.crew import Crew
from efnn_cli.datasets.job import Job, Part
from efnn_cli.datasets.planning import Plan, make_plan, obtain_dataset, refuse_other
from efnn_cli.datasets.produce import produce_part, require_resources, shard_folder, size_in_bytes
from efnn_cli.storage import atomic, output
from efnn_cli.storage.dataset import Dataset

LOGGER = logging.getLogger("efnn")

RESUME = "the same command continues from the finished shards"


def run(
    request: Request,
    console: Console,
    *,
    spins: Path | None = None,
    normalise: bool = False,
    out: Path | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
    part: Part | None = None,
) -> Result:
    """Make the dataset of the configuration, or find it made; with `part` only a share of its shards."""
    if part is not None and overwrite:
        raise ConfigError(
            "--overwrite has no effect with --shards: parts only add shards", "efnn generate ... --overwrite alone"
        )
    plan = make_plan(request, spins, out, normalise=normalise)
    target = device.resolve(plan.config.device)
    refuse_other(plan, overwrite=overwrite)
    output.refuse_inputs(plan.path, [] if spins is None else [spins])
    job, crew = plan.job(target.type), plan.config.crew(target)
    if dry_run:
        atomic.prove_writable(plan.path.parent)
        require_resources(job, Path.cwd(), crew)
        return planned(job, plan.path)
    LOGGER.info("labelling on %s, reference %s", crew.describe(), job.reference)
    if part is not None:
        return label_part(plan, job, crew, part, console)
    return label(plan, job, crew, overwrite, console)


def label(plan: Plan, job: Job, crew: Crew, overwrite: bool, console: Console) -> Result:
    """The whole dataset."""
    with StopRequest(RESUME) as stop:
        data, existed = obtain_dataset(plan, job, crew, console, stop, overwrite=overwrite)
    return report(data, plan.path, existed=existed)


def label_part(plan: Plan, job: Job, crew: Crew, part: Part, console: Console) -> Result:
    """The shards of one part."""
    mine = part.of(job.shards())
    samples = sum(draw.count for draw in mine)
    if not mine:
        LOGGER.info("nothing to do for part %d: the job has only %d shards", part.index, len(job.shards()))
    with StopRequest(RESUME) as stop, console.meter("labelling", samples, "configurations") as advance:
        data = produce_part(
            job,
            plan.path,
            plan.tag,
            crew,
            part,
            progress=advance,
            on_wait=plan.on_wait,
            pause=stop.check,
        )
    if data is not None:
        return report(data, plan.path, existed=True)
    metrics = {"samples": samples, "shards": part.count, "shard_index": part.index}
    rows = [[key, number(value)] for key, value in metrics.items()]
    return Result("generate", metrics, {"shards": shown(shard_folder(plan.path))}, "partial", rows)


def planned(job: Job, path: Path) -> Result:
    """What a dry run says."""
    size = size_in_bytes(job)
    metrics = {"samples": job.samples, "shards": len(job.shards()), "bytes": size, "reference": job.reference}
    rows = [[key, number(value)] for key, value in metrics.items()]
    return Result("generate", metrics, {"dataset": shown(path)}, "planned", rows)


def report(data: Dataset, path: Path, *, existed: bool) -> Result:
    """Mean and spread of the energies, and what the labels took; asking again makes a dataset the most recent one."""
    if existed:
        LOGGER.info("%s was there already", shown(path))
        find.renew(path)
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
