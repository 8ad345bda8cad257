"""Results of `efnn generate` and `efnn merge`, as tables and JSON."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import torch

from efnn_cli.core import device
from efnn_cli.core.console import Console
from efnn_cli.core.results import Result, shown
from efnn_cli.core.signals import StopRequest
from efnn_cli.core.table import facts
from efnn_cli.datasets import cost, find, labelling
from efnn_cli.datasets.job import Job, Part
from efnn_cli.datasets.planning import DatasetPlan
from efnn_cli.datasets.shards import shard_folder
from efnn_cli.storage import atomic
from efnn_cli.storage.dataset import Dataset

LOGGER = logging.getLogger("efnn")

RESUME = "the same command continues from the finished shards"


def label_part(plan: DatasetPlan, target: torch.device, part: Part, console: Console) -> Result:
    """Label the shards of one part of a job array; `efnn merge` makes the dataset."""
    job, executor = plan.job(target.type), plan.config.executor_on(target)
    mine = part.of(job.shards())
    samples = sum(draw.count for draw in mine)
    if not mine:
        LOGGER.info("nothing to do for part %d: the job is %s", part.index, _blocks(job))
    with StopRequest(RESUME) as stop, console.meter("labelling", samples, "configurations") as advance:
        data = labelling.label_part(job, plan.path, executor, part, advance, stop.check)
    if data is not None:
        return report(data, plan.path, existed=True)
    metrics = {"samples": samples, "shards": part.count, "shard_index": part.index}
    outputs = {"shards": shown(shard_folder(plan.path))}
    told = {"samples": samples, "parts": part.count, "part": part.index, "work": _blocks(job)}
    return Result("generate", metrics, outputs, "partial", tables=[facts(told)])


def _blocks(job: Job) -> str:
    """Return number and size of the shards, the smallest share of work, in words."""
    count = len(job.shards())
    return f"{count} block{'s' if count > 1 else ''} of up to {cost.shard_size(job.system)} configurations"


def planned(plan: DatasetPlan, target: torch.device) -> Result:
    """Return the result of a dry run; raise where memory, disk or the right to write are missing."""
    job = plan.job(target.type)
    atomic.prove_writable(plan.path.parent)
    labelling.require_resources(job, Path.cwd(), plan.config.executor_on(target))
    size = cost.file_bytes(job.system, job.samples, fields=job.fields, levels=job.levels)
    metrics = {"samples": job.samples, "shards": len(job.shards()), "bytes": size, "reference": job.reference}
    return Result("generate", metrics, {"dataset": shown(plan.path)}, "planned", tables=[facts(metrics)])


def report(data: Dataset, path: Path, *, existed: bool, command: str = "generate") -> Result:
    """Return mean and spread of the energies, and the time of labelling; one that existed becomes the most recent."""
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
    if stored.get("density") is not None:
        metrics["density"] = stored["density"]
    return Result(command, metrics, {"dataset": shown(path)}, tables=[facts(metrics)])


def possible_jobs(plan: DatasetPlan) -> list[Job]:
    """Return the job as the chosen device would have labelled it, then as the other one would.

    The device need not be here: a job array of GPUs may be merged where there are none.
    """
    name = plan.config.device
    chosen = device.resolve(name).type if name == "auto" else name.partition(":")[0]
    jobs = [plan.job(each) for each in sorted(("cpu", "cuda"), key=lambda each: each != chosen)]
    return jobs[:1] if jobs[0].reference == jobs[1].reference else jobs
