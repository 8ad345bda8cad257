"""Steps of the studies that label, train and sample one after another; each finds its earlier result in the folder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch

from efnn_cli.config.simulation_options import SampleKeys
from efnn_cli.config.words import Request
from efnn_cli.core.console import Console
from efnn_cli.core.signals import GO_ON, StopRequest
from efnn_cli.datasets.planning import obtain_dataset, plan_dataset
from efnn_cli.runs import execute, planning
from efnn_cli.runs.loading import Run, load
from efnn_cli.simulation import sampling, settings
from efnn_cli.simulation.settings import SamplePlan
from efnn_cli.storage.dataset import Dataset
from efnn_cli.storage.samples_file import Samples
from efnn_cli.training import metrics
from efnn_cli.training.fields import FieldErrors, measure_fields
from efnn_cli.training.metrics import Metrics
from efnn_cli.training.predict import fields_of, predict

LADDER = (0.7, 4.0)  # spin temperatures of labels, over that of the ensemble
UNIFORM = 0.02  # share of them at infinite temperature
LATER_RATE = 2e-3  # learning rate of networks that start from another


def ladder_words(temperature: float, samples: int, span: str | None = None) -> tuple[str, ...]:
    """Return words of `efnn generate` for a ladder of spin temperatures about `temperature`, or over `span`."""
    low, high = (each * temperature for each in LADDER)
    text = span or f"{low:.4g}:{high:.4g}"
    return ("sampling=ladder", f"spin_temperature='{text}'", f"ladder.uniform={UNIFORM}", f"samples={samples}")


def labelled(words: Sequence[str], path: Path, target: torch.device, workers: int | None, console: Console) -> Dataset:
    """Return the dataset of `words` of `efnn generate`, labelled on the device `target` or found at `path`."""
    plan = plan_dataset(Request(tuple(words), {"device": str(target), "workers": workers}), None, path)
    with StopRequest(GO_ON) as stop:
        return obtain_dataset(plan, target, console, stop, title=path.stem)[0]


def epochs_for(steps: float, words: Sequence[str], data: Path) -> int:
    """Return the epochs of at least `steps` steps of a training by `words` on the dataset at `data`."""
    source = planning.open_source(data)
    recipe = planning.plan_on([source], Request(tuple(words))).config.training
    assert recipe is not None  # networks have one
    return max(1, math.ceil(steps / max(1, source.parts.train.size // (recipe.batch_size << recipe.batch_doublings))))


def trained(
    words: Sequence[str], data: Path, folder: Path, previous: Path | None, target: torch.device, console: Console
) -> Run:
    """Return the network of `words` of `efnn train`, trained on the dataset at `data` or found in `folder`."""
    plan = planning.plan_new(Request((*words, f"device={target}")), [data], folder, previous)
    execute.obtain(plan, console, overwrite=False)
    return load(plan.folder.path, str(target))


def sampled(keys: SampleKeys, network: Run, path: Path, console: Console, title: str) -> tuple[SamplePlan, Samples]:
    """Return the chains of `keys` that `network` moves, run or found at `path`, with their plan."""
    plan = settings.plan(keys, network, path)
    total = keys.chains * keys.proposals
    with StopRequest(sampling.RESUME) as stop, console.meter(title, total, "proposals") as meter:
        samples, _ = sampling.sample(plan, meter, stop.check)
    assert samples is not None  # only a part of a job array returns none
    return plan, samples


def errors_on(network: Run, data: Dataset) -> tuple[Metrics, FieldErrors | None]:
    """Return the errors of a network on a dataset, of energies and, where it has them, of fields."""
    found = metrics.measure(predict(network.model, data.spins, network.device), data.energies)
    if data.fields is None:
        return found, None
    return found, measure_fields(fields_of(network.model, data.spins, network.device), data.fields, data.spins)
