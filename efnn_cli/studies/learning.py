"""`efnn learn`: a network for the ensemble of one system, from nothing, in rounds of training and sampling.

A round trains a network on all labels so far, measures its errors on a thermal set that no network sees, and samples
with it. The labels that the exact test has paid for go into the next training, which starts from this network. Samples
of a round serve learning alone: for measurements, `efnn sample` the last network.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from efnn_cli.config.compose import compose
from efnn_cli.config.fingerprint import fingerprint
from efnn_cli.config.keys import SHORT_NAMES
from efnn_cli.config.schema import build_system, typed
from efnn_cli.config.simulation_options import LearnKeys, SampleKeys
from efnn_cli.config.words import Request, key_of
from efnn_cli.core.console import Console
from efnn_cli.core.errors import ConfigError
from efnn_cli.core.signals import StopRequest
from efnn_cli.datasets import planning as labels
from efnn_cli.physics.system import Array, System
from efnn_cli.runs import execute, planning
from efnn_cli.runs.folder import OUTPUTS
from efnn_cli.runs.loading import Run, load
from efnn_cli.runs.settings import train_config
from efnn_cli.simulation import sampling, settings
from efnn_cli.simulation.observables import measure
from efnn_cli.storage import dataset
from efnn_cli.storage.dataset import Dataset
from efnn_cli.storage.samples_file import Samples
from efnn_cli.training import metrics
from efnn_cli.training.fields import measure_fields
from efnn_cli.training.predict import fields_of, predict

LOGGER = logging.getLogger("efnn")
OF_TRAINING = {"model", "training", *SHORT_NAMES.values()}  # first parts of the keys that trainings take
LADDER = (0.7, 4.0)  # temperatures of the first labels, over that of the ensemble
LATER = 3  # the first training over a later one, in steps
LATER_RATE = 2e-3  # learning rate of later ones
RISE = 1.02  # of effective samples per label, below which learning ends


@dataclass(frozen=True)
class LearnPlan:
    """What to learn, in which folder."""

    keys: LearnKeys
    system: System
    temperature: float
    system_words: tuple[str, ...]
    training_words: tuple[str, ...]
    folder: Path

    def path(self, name: str) -> Path:
        """Return a file of the folder."""
        return self.folder / name


@dataclass(frozen=True)
class Round:
    """One round: labels so far, errors on the thermal set, and the merit of the network."""

    labels: int
    """All that were paid for when the round ended, but for the thermal set."""
    trained_on: int
    rmse: float
    bias: float
    field_relative_error: float | None
    acceptance: float
    predicted_acceptance: float
    tau_proposals: float | None
    effective_per_label: float | None
    """Effective samples per exact label of the chains of this round, warm-up left out."""
    seconds: float


def plan(words: Sequence[str], system: str, options: Mapping[str, object], out: Path | None) -> LearnPlan:
    """Return the checked plan; raises `ConfigError` before any work."""
    of_training = tuple(each for each in words if key_of(each).partition(".")[0] in OF_TRAINING)
    rest = [each for each in words if each not in of_training]
    composed = compose("learn", Request((f"system={system}", *rest), options))
    train_config(compose("train", Request(of_training)))
    values = dict(composed.values)
    built = build_system(values.pop("system"))
    keys = typed(LearnKeys, values)
    if built.geometry != "lattice":
        raise ConfigError(f"{built.kind}: sampling moves unit vectors on a lattice", "double_exchange or heisenberg")
    temperature = getattr(built, "T", None) or keys.temperature
    if temperature is None:
        raise ConfigError(f"{built.kind} has no temperature of its own", "give temperature=0.5, for example")
    own = ["system", *(key for key in composed.settings if key.startswith("system."))]
    system_words = tuple(composed.settings[key].text for key in own)
    identity = {
        **{key: each for key, each in dataclasses.asdict(keys).items() if key not in ("device", "workers", "rounds")},
        "system": built.described(),
        "training": sorted(of_training),
    }
    name = f"{built.name}-L{built.size}-T{temperature:g}-s{keys.seed}-{fingerprint(identity)}"
    folder = out or OUTPUTS / "learn" / name
    return LearnPlan(keys, built, float(temperature), system_words, of_training, folder)


def learn(plan: LearnPlan, target: torch.device, console: Console) -> list[Round]:
    """Run the rounds, each from the files of those before; the same plan goes on where it was stopped."""
    ladder = _labelled(plan, target, console, "ladder.h5", *_ladder_words(plan))
    test = _labelled(plan, target, console, "test.h5", *_test_words(plan))
    data, found = ladder, []
    previous: Path | None = None
    spent = len(ladder)
    for number in range(plan.keys.rounds):
        start = time.perf_counter()
        run = _trained(plan, data, number, previous, console)
        samples = _sampled(plan, run, number, console)
        spent += int(samples.metadata["exact_labels"])
        seconds = time.perf_counter() - start
        found.append(_round(plan, run, test, samples, spent, len(data), seconds))
        LOGGER.info("round %d: %s", number, _told(found[-1]))
        if len(found) > 1 and not _rises(found[-2], found[-1]):
            break
        data = _with_paid(plan, data, samples, number)
        previous = run.path
    return found


def last_run(plan: LearnPlan, rounds: Sequence[Round]) -> Path:
    """Return the network of the last round, which has seen most labels."""
    return plan.path(f"network-{len(rounds) - 1}")


def _ladder_words(plan: LearnPlan) -> tuple[str, ...]:
    low, high = (each * plan.temperature for each in LADDER)
    text = plan.keys.spin_temperature or f"{low:.4g}:{high:.4g}"
    return ("sampling=ladder", f"spin_temperature='{text}'", "ladder.uniform=0.02", f"samples={plan.keys.labels}")


def _test_words(plan: LearnPlan) -> tuple[str, ...]:
    return ("sampling=thermal", f"spin_temperature={plan.temperature:g}", f"samples={plan.keys.test}")


def _labelled(plan: LearnPlan, target: torch.device, console: Console, name: str, *words: str) -> Dataset:
    """Return exact labels with fields; the seed of the thermal set is one of its own."""
    seed = plan.keys.seed + (1_000_000 if name == "test.h5" else 0)
    words = (*plan.system_words, *words, "fields=true", f"seed={seed}")
    made = labels.plan_dataset(Request(words, {"workers": plan.keys.workers}), None, plan.path(name))
    with StopRequest("the same command goes on") as stop:
        return labels.obtain_dataset(made, target, console, stop, title=name.removesuffix(".h5"))[0]


def _trained(plan: LearnPlan, data: Dataset, number: int, previous: Path | None, console: Console) -> Run:
    """Return the network of a round, trained on `data` from the network before."""
    path = plan.path("ladder.h5" if number == 0 else f"labels-{number}.h5")
    source = planning.open_source(path)
    words = [*plan.training_words, f"seed={plan.keys.seed}", f"device={plan.keys.device}"]
    if not any(key_of(each) in ("epochs", "budget") for each in plan.training_words):
        words.append(f"epochs={_epochs(plan, source.parts.train.size, number)}")
    if number and not any(key_of(each) == "lr" for each in plan.training_words):
        words.append(f"lr={LATER_RATE}")
    made = planning.plan_new(Request(tuple(words)), [path], plan.path(f"network-{number}"), previous)
    execute.obtain(made, console, overwrite=False)
    return load(made.folder.path, plan.keys.device)


def _epochs(plan: LearnPlan, configurations: int, number: int) -> int:
    """Return the epochs of a round, for batches of 20 as in the recipe for datasets with fields."""
    steps = plan.keys.gradient_steps if number == 0 else plan.keys.gradient_steps / LATER
    return max(1, math.ceil(steps / max(1, configurations // 20)))


def _sampled(plan: LearnPlan, run: Run, number: int, console: Console) -> Samples:
    """Return the chains of a round, labelled with fields."""
    keys = SampleKeys(
        chains=plan.keys.chains,
        proposals=plan.keys.proposals,
        warmup=1,
        fields=True,
        temperature=plan.keys.temperature,
        seed=plan.keys.seed + number,
        device=plan.keys.device,
        workers=plan.keys.workers,
    )
    made = settings.plan(keys, run, plan.path(f"chains-{number}.h5"))
    total = keys.chains * keys.proposals
    with StopRequest(sampling.RESUME) as stop, console.meter(f"sampling, round {number}", total, "proposals") as meter:
        samples, _ = sampling.sample(made, meter, stop.check)
    assert samples is not None
    return samples


def _round(
    plan: LearnPlan, run: Run, test: Dataset, samples: Samples, spent: int, trained_on: int, seconds: float
) -> Round:
    """Return what is known of a round."""
    assert test.fields is not None
    errors = metrics.measure(predict(run.model, test.spins, run.device), test.energies)
    fields = measure_fields(fields_of(run.model, test.spins, run.device), test.fields, test.spins)
    merit = measure(samples, plan.system)
    per_label = None if merit.tau is None else 1 / (2 * merit.tau)
    assert merit.acceptance is not None
    assert merit.predicted_acceptance is not None
    return Round(
        spent,
        trained_on,
        errors.rmse,
        errors.bias,
        fields.relative_error,
        merit.acceptance,
        merit.predicted_acceptance,
        merit.tau,
        per_label,
        seconds,
    )


def _rises(before: Round, after: Round) -> bool:
    """Return True where a round was worth its labels."""
    if before.effective_per_label is None or after.effective_per_label is None:
        return True
    return after.effective_per_label > RISE * before.effective_per_label or after.acceptance > RISE * before.acceptance


def _with_paid(plan: LearnPlan, data: Dataset, samples: Samples, number: int) -> Dataset:
    """Write and return all labels so far: `data` and the states that the chains of a round have paid for, once each."""
    rows, paid = (
        samples.arrays,
        {name: samples.arrays[f"paid/{name}"] for name in ("spins", "energies", "fields", "chain")},
    )
    fresh = rows["accepted"]
    before = 0 if data.chain is None else int(data.chain.max()) + 1
    old = np.arange(len(data)) if data.chain is None else data.chain
    shift = max(before, len(data))

    def joined(name: str, first: Array) -> Any:
        return np.concatenate([first, rows[name][fresh], paid[name]])

    arrays = {
        "spins": joined("spins", data.spins),
        "energies": joined("energies", data.energies),
        "fields": joined("fields", data.fields if data.fields is not None else np.zeros_like(data.spins)),
        "chain": np.concatenate([old, shift + rows["chain"][fresh], shift + paid["chain"]]),
    }
    head = {key: each for key, each in data.metadata.items() if key not in dataset.OF_FILE}
    head |= {"samples": len(arrays["spins"]), "sampling": "monte_carlo", "job": f"round {number}"}
    return dataset.write(plan.path(f"labels-{number + 1}.h5"), arrays, head)


def _told(found: Round) -> str:
    return (
        f"{found.labels} labels, RMSE {found.rmse:.3g}, acceptance {found.acceptance:.3f}, "
        f"autocorrelation time {'unknown' if found.tau_proposals is None else format(found.tau_proposals, '.2g')}"
    )
