"""`efnn learn`: a network for the ensemble of one system, in rounds of labelling, training and sampling.

A round trains a network on all labels so far, measures its errors on a thermal set that no network sees, and samples
with it. The exact labels of the accept/reject tests are added, and the next training starts from this network. Samples
of a round serve learning alone: for measurements, `efnn sample` the last network.
"""

from __future__ import annotations

import copy
import dataclasses
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from efnn_cli.config.compose import Composed, compose
from efnn_cli.config.fingerprint import fingerprint
from efnn_cli.config.keys import SHORT_NAMES
from efnn_cli.config.schema import build_system, typed
from efnn_cli.config.simulation_options import LearnKeys, SampleKeys
from efnn_cli.config.words import Request, key_of
from efnn_cli.core import device, doubles, rng
from efnn_cli.core.console import Console
from efnn_cli.core.errors import ConfigError
from efnn_cli.datasets.planning import plan_dataset
from efnn_cli.physics.system import Array, System
from efnn_cli.runs.folder import OUTPUTS
from efnn_cli.runs.loading import Run
from efnn_cli.runs.settings import train_config
from efnn_cli.simulation.observables import measure
from efnn_cli.simulation.settings import temperature_of
from efnn_cli.storage import dataset
from efnn_cli.storage.dataset import Dataset
from efnn_cli.storage.output import begin_study, claim_study
from efnn_cli.storage.samples_file import Samples
from efnn_cli.studies import steps

LOGGER = logging.getLogger("efnn")
OF_TRAINING = {"model", "training", *SHORT_NAMES.values()}  # first parts of the keys that trainings take
LATER = 3  # the first training over a later one, in steps
TEST_SEED = 1_000_000  # added to the seed, for the thermal set
RISE = 1.02  # of effective samples per label, below which learning ends


@dataclass(frozen=True)
class LearnPlan:
    """An ensemble to learn, with the settings of labels, trainings and chains, and a folder."""

    keys: LearnKeys
    system: System
    temperature: float
    system_words: tuple[str, ...]
    training_words: tuple[str, ...]
    folder: Path
    tag: str
    """Hash of everything that the rounds depend on, but for their number."""

    def path(self, name: str) -> Path:
        """Return a file of the folder."""
        return self.folder / name

    def data(self, number: int) -> Path:
        """Return the dataset that the network of a round is trained on."""
        return self.path("ladder.h5" if number == 0 else f"labels-{number}.h5")


@dataclass(frozen=True)
class Round:
    """One round: labels so far, errors on the thermal set, and the merit of the network."""

    labels: int
    """Exact labels computed when the round ended, without those of the thermal set."""
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
    """Of training, and of the chains and their labels on one core."""


def composed_of(request: Request) -> tuple[Composed, LearnKeys, System, Composed]:
    """Return the configuration of learning, its keys, its system, and the configuration of its trainings."""
    of_training = tuple(each for each in request.overrides if key_of(each).partition(".")[0] in OF_TRAINING)
    rest = tuple(each for each in request.overrides if each not in of_training)
    composed = compose("learn", dataclasses.replace(request, overrides=rest))
    training = compose("train", Request(of_training, config_dir=request.config_dir))
    if train_config(training).training is None:
        raise ConfigError("learning trains on fields, the linear model does not", "model=efnn")
    values = dict(composed.values)
    system = build_system(values.pop("system"))
    keys = typed(LearnKeys, values)
    if system.geometry != "lattice":
        raise ConfigError(f"{system.kind}: sampling moves unit vectors on a lattice", "double_exchange or heisenberg")
    return composed, keys, system, training


def plan(words: Sequence[str], system: str, options: Mapping[str, object], out: Path | None) -> LearnPlan:
    """Return the checked plan; raises before any work for what labels, trainings and chains would refuse."""
    composed, keys, built, training = composed_of(Request((f"system={system}", *words), options))
    of_training = tuple(each.origin for each in training.settings.values())
    temperature = temperature_of(keys.temperature, built)
    doubles.require(device.resolve(keys.device), "chains move")
    own = ["system", *(key for key in composed.settings if key.startswith("system."))]
    system_words = tuple(composed.settings[key].text for key in own)
    identity = {
        **{key: each for key, each in dataclasses.asdict(keys).items() if key not in ("device", "workers", "rounds")},
        "system": built.described(),
        "training": sorted(of_training),
    }
    tag = fingerprint(identity)
    folder = out or OUTPUTS / "learn" / f"{built.name}-L{built.size}-T{temperature:g}-s{keys.seed}-{tag}"
    made = LearnPlan(keys, built, temperature, system_words, of_training, folder, tag)
    for drawn in (_ladder_words(made), _test_words(made)):
        plan_dataset(Request((*system_words, *drawn, "fields=true")))
    claim_study(folder, tag)
    return made


def learn(plan: LearnPlan, target: torch.device, console: Console) -> list[Round]:
    """Run the rounds, each from the files of those before; the same plan goes on where it was stopped."""
    begin_study(plan.folder, plan.tag)
    ladder = _labelled(plan, target, console, plan.data(0), *_ladder_words(plan))
    test = _labelled(plan, target, console, plan.path("test.h5"), *_test_words(plan))
    data, found = ladder, []
    previous: Path | None = None
    spent = len(ladder)
    for number in range(plan.keys.rounds):
        network = _trained(plan, number, previous, target, console)
        samples = _sampled(plan, network, number, console)
        spent += int(samples.metadata["exact_labels"])
        found.append(_round(plan, network, test, samples, spent, len(data)))
        LOGGER.info("round %d: %s", number, _told(found[-1]))
        if number + 1 == plan.keys.rounds:
            break
        if number and not _rises(found[-2], found[-1]):
            LOGGER.info("neither effective samples per label nor acceptance rose by %.0f %%: done", 100 * (RISE - 1))
            break
        data = _with_labels_of(plan, data, samples, number)
        previous = network.path
    return found


def last_run(plan: LearnPlan, rounds: Sequence[Round]) -> Path:
    """Return the network of the last round, which has seen most labels."""
    return plan.path(f"network-{len(rounds) - 1}")


def _ladder_words(plan: LearnPlan) -> tuple[str, ...]:
    ladder = steps.ladder_words(plan.temperature, plan.keys.labels, plan.keys.spin_temperature)
    return (*ladder, *_coupling(plan), f"seed={plan.keys.seed}")


def _test_words(plan: LearnPlan) -> tuple[str, ...]:
    seed = plan.keys.seed + TEST_SEED
    thermal = ("sampling=thermal", f"spin_temperature={plan.temperature:g}")
    return (*thermal, *_coupling(plan), f"samples={plan.keys.test}", f"seed={seed}")


def _coupling(plan: LearnPlan) -> tuple[str, ...]:
    return () if plan.keys.spin_coupling is None else (f"spin_coupling={plan.keys.spin_coupling}",)


def _labelled(plan: LearnPlan, target: torch.device, console: Console, path: Path, *words: str) -> Dataset:
    """Return exact labels with fields."""
    every = (*plan.system_words, *words, "fields=true")
    return steps.labelled(every, path, target, plan.keys.workers, console)


def _trained(plan: LearnPlan, number: int, previous: Path | None, target: torch.device, console: Console) -> Run:
    """Return the network of a round, trained on all labels so far from the network before."""
    words = [*plan.training_words, f"seed={plan.keys.seed}"]
    if not any(key_of(each) in ("epochs", "budget") for each in plan.training_words):
        gradients = plan.keys.gradient_steps if number == 0 else plan.keys.gradient_steps / LATER
        words.append(f"epochs={steps.epochs_for(gradients, words, plan.data(number))}")
    if number and not any(key_of(each) == "lr" for each in plan.training_words):
        words.append(f"lr={steps.LATER_RATE}")
    return steps.trained(words, plan.data(number), plan.path(f"network-{number}"), previous, target, console)


def _sampled(plan: LearnPlan, network: Run, number: int, console: Console) -> Samples:
    """Return the chains of a round, labelled with fields."""
    keys = SampleKeys(
        chains=plan.keys.chains,
        proposals=plan.keys.proposals,
        warmup=1,
        fields=True,
        temperature=plan.keys.temperature,
        seed=rng.integer(plan.keys.seed, "learn", number),
        device=plan.keys.device,
        workers=plan.keys.workers,
    )
    return steps.sampled(keys, network, plan.path(f"chains-{number}.h5"), console, f"sampling, round {number}")[1]


def _round(plan: LearnPlan, network: Run, test: Dataset, samples: Samples, spent: int, trained_on: int) -> Round:
    """Return what is known of a round."""
    energies, fields = steps.errors_on(network, test)
    merit = measure(samples, plan.system)
    assert fields is not None
    assert merit.acceptance is not None
    assert merit.predicted_acceptance is not None
    return Round(
        labels=spent,
        trained_on=trained_on,
        rmse=energies.rmse,
        bias=energies.bias,
        field_relative_error=fields.relative_error,
        acceptance=merit.acceptance,
        predicted_acceptance=merit.predicted_acceptance,
        tau_proposals=merit.tau,
        effective_per_label=None if merit.tau is None else 1 / (2 * merit.tau),
        seconds=network.metrics["seconds"] + samples.metadata["reference"]["seconds"],
    )


def _rises(before: Round, after: Round) -> bool:
    """Return True where a round was worth its labels."""
    if before.effective_per_label is None or after.effective_per_label is None:
        return True
    return after.effective_per_label > RISE * before.effective_per_label or after.acceptance > RISE * before.acceptance


def _with_labels_of(plan: LearnPlan, data: Dataset, samples: Samples, number: int) -> Dataset:
    """Write and return all labels so far: `data` and every state whose exact label the chains computed, once each."""
    rows, fresh = samples.arrays, samples.arrays["accepted"]
    before = 0 if data.chain is None else int(data.chain.max()) + 1
    old = np.arange(len(data)) if data.chain is None else data.chain
    shift = max(before, len(data))

    def joined(name: str, first: Array) -> Any:
        return np.concatenate([first, rows[name][fresh], rows[f"others/{name}"]])

    arrays = {
        "spins": joined("spins", data.spins),
        "energies": joined("energies", data.energies),
        "fields": joined("fields", data.fields if data.fields is not None else np.zeros_like(data.spins)),
        "chain": np.concatenate([old, shift + rows["chain"][fresh], shift + rows["others/chain"]]),
    }
    own = {"samples": len(arrays["spins"]), "seed": plan.keys.seed, "job": f"{plan.tag} {number + 1}"}
    head = _head(samples) | own
    head["reference"] |= {"seconds": data.label_seconds + samples.metadata["reference"]["seconds"]}
    return dataset.write(plan.data(number + 1), arrays, head)


def _head(samples: Samples) -> dict[str, Any]:
    """Return the metadata that labels of chains share with the chains."""
    names = ("purpose", "system", "sampling", "thermal", "reference", "units", "versions")
    return {name: copy.deepcopy(samples.metadata[name]) for name in names}


def _told(found: Round) -> str:
    return (
        f"{found.labels} labels, RMSE {found.rmse:.3g}, acceptance {found.acceptance:.3f}, "
        f"autocorrelation time {'unknown' if found.tau_proposals is None else format(found.tau_proposals, '.2g')}"
    )
