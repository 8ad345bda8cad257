"""Studies of what a network was trained on: `efnn reproduce experiment=temperature` and `experiment=labels`.

Cases, each a dataset and a training, against test sets that no case sees.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from efnn_cli.config.fingerprint import fingerprint
from efnn_cli.core.console import Console
from efnn_cli.core.errors import ConfigError
from efnn_cli.core.results import Result
from efnn_cli.models import MODELS
from efnn_cli.storage.dataset import Dataset
from efnn_cli.studies import cases_report, steps

LABELS = {"energies": "energies", "fields": "energies and fields"}  # datasets of `networks`, in names of curves
LOGGER = logging.getLogger("efnn")


@dataclass
class Case:
    """One training: its name in the figure, its dataset, and words of `efnn train`."""

    name: str
    data: str
    train: list[str]


@dataclass
class Study:
    """A study at one scale: words of `efnn generate` for every dataset and test set, and the cases."""

    title: str
    lead: str
    against: str
    """The axis of the figure: a key of `cases_report.X`."""
    system: list[str]
    data: dict[str, Any]
    tests: dict[str, Any]
    cases: list[Case] = field(default_factory=list)
    networks: list[str] = field(default_factory=list)
    """Words of `efnn train` that belong together; each network is trained on every dataset for every budget."""
    budgets: list[str] = field(default_factory=list)
    shared: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        unknown = [each.data for each in self.cases if each.data not in self.data]
        if unknown:
            raise ConfigError(f"cases: {unknown[0]} is no dataset", f"the datasets are {', '.join(self.data)}")

    def every_case(self) -> list[Case]:
        """Return the cases, those of `networks` written out."""
        found = list(self.cases)
        for network in self.networks:
            words = network.split()
            title = MODELS[words[0].partition("=")[2]].title
            for data in self.data:
                for budget in self.budgets:
                    train = [*words, *self.shared, f"budget={budget}"]
                    found.append(Case(f"{title}, {LABELS.get(data, data)}", data, train))
        return found

    def size(self) -> dict[str, int]:
        """Return the numbers of trainings and of test sets."""
        return {"trainings": len(self.every_case()), "tests": len(self.tests)}

    def run(self, folder: Path, target: torch.device, workers: int | None, console: Console) -> Result:
        """Do what is not done yet in `folder`, and report it there."""
        system, *rest = self.system

        def labelled(words: list[str], name: str) -> Dataset:
            every = (f"system={system}", *rest, *words)
            return steps.labelled(every, folder / f"{name}.h5", target, workers, console)

        sets = {name: labelled(words, name) for name, words in self.data.items()}
        tests = {name: labelled(words, f"test-{name}") for name, words in self.tests.items()}
        rows = []
        for case in self.every_case():
            LOGGER.info("%s", case.name)
            place = folder / f"run-{fingerprint({'data': case.data, 'train': case.train})}"
            network = steps.trained(case.train, folder / f"{case.data}.h5", place, None, target, console)
            for name, data in tests.items():
                energies, fields = steps.errors_on(network, data)
                rows.append(
                    {
                        "case": case.name,
                        "test": name,
                        "configurations": len(sets[case.data]),
                        "parameters": network.metrics["parameters"],
                        "label_seconds": sets[case.data].metadata["reference"]["seconds"],
                        "seconds": network.metrics["seconds"],  # of training
                        "rmse": energies.rmse,
                        "bias": energies.bias,
                        "field_relative_error": None if fields is None else fields.relative_error,
                    }
                )
        unit = network.system.energy_unit
        return cases_report.report(self.title, self.lead, self.against, rows, folder, unit)
