"""Studies of what a network was trained on: `efnn reproduce experiment=temperature` and `experiment=labels`.

Cases, each a dataset and a training, against test sets that no case sees. Presets are data in `conf/scan/`. Every step
finds its earlier result in the folder of the study.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from efnn_cli.config import keys
from efnn_cli.config.fingerprint import fingerprint
from efnn_cli.config.schema import typed
from efnn_cli.config.words import Request
from efnn_cli.core import checks, device
from efnn_cli.core.console import Console
from efnn_cli.core.errors import ConfigError
from efnn_cli.core.results import Result, shown
from efnn_cli.core.signals import GO_ON, StopRequest
from efnn_cli.core.table import facts
from efnn_cli.datasets.planning import obtain_dataset, plan_dataset
from efnn_cli.models import MODELS
from efnn_cli.runs import execute, planning
from efnn_cli.runs.folder import OUTPUTS
from efnn_cli.runs.loading import Run, load
from efnn_cli.storage import documents
from efnn_cli.storage.dataset import Dataset
from efnn_cli.studies import cases_report
from efnn_cli.training import metrics
from efnn_cli.training.fields import measure_fields
from efnn_cli.training.predict import fields_of, predict

NAMES = ("temperature", "labels")
KINDS = {"energies": "energies", "fields": "energies and fields"}  # datasets of `networks`, in names of curves
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

    system: list[str]
    data: dict[str, Any]
    tests: dict[str, Any]
    cases: list[Case] = field(default_factory=list)
    networks: list[str] = field(default_factory=list)
    """Words of `efnn train` that belong together; each network is trained on every dataset for every budget."""
    budgets: list[str] = field(default_factory=list)
    shared: list[str] = field(default_factory=list)

    def every_case(self) -> list[Case]:
        """Return the cases, those of `networks` written out."""
        found = list(self.cases)
        for network in self.networks:
            words = network.split()
            title = MODELS[words[0].partition("=")[2]].title
            for data in self.data:
                for budget in self.budgets:
                    train = [*words, *self.shared, f"budget={budget}"]
                    found.append(Case(f"{title}, {KINDS.get(data, data)}", data, train))
        return found


@dataclass(frozen=True)
class Row:
    """Errors of one case on one test set."""

    case: str
    test: str
    configurations: int
    parameters: int
    label_seconds: float
    seconds: float
    """Of training."""
    rmse: float
    bias: float
    field_relative_error: float | None


def run(
    name: str, scale: str, device_name: str, workers: int | None, console: Console, *, out: Path | None, dry_run: bool
) -> Result:
    """Do the study `name` at `scale` and report it."""
    preset = dict(documents.read_yaml(keys.folder() / "scan" / f"{name}.yaml"))
    words = {key: preset.pop(key) for key in ("title", "lead", "against")}
    checks.one_of("scale", scale, preset)
    study = typed(Study, preset[scale], f"{name}.")
    folder = out or OUTPUTS / f"{name}-{scale}"
    cases = study.every_case()
    unknown = [each.data for each in cases if each.data not in study.data]
    if unknown:
        raise ConfigError(f"{name}: a case names the dataset {unknown[0]}, which is none of {', '.join(study.data)}")
    if dry_run:
        found = {"trainings": len(cases), "tests": len(study.tests)}
        return Result("reproduce", found, {"report": shown(folder)}, "planned", tables=[facts(found)])
    target = str(device.resolve(device_name))
    sets = {
        kind: _labelled(study, each, folder / f"{kind}.h5", target, workers, console)
        for kind, each in study.data.items()
    }
    tests = {
        test: _labelled(study, each, folder / f"test-{test}.h5", target, workers, console)
        for test, each in study.tests.items()
    }
    rows = []
    for case in cases:
        network = _trained(case, folder, target, console)
        rows += [_errors(case, network, sets[case.data], test, data) for test, data in tests.items()]
    return cases_report.report([asdict(row) for row in rows], words, folder, network.system.energy_unit)


def _labelled(
    study: Study, words: list[str], path: Path, target: str, workers: int | None, console: Console
) -> Dataset:
    """Return a dataset, labelled or found."""
    system, *rest = study.system
    request = Request((f"system={system}", *rest, *words), {"device": target, "workers": workers})
    made = plan_dataset(request, None, path)
    with StopRequest(GO_ON) as stop:
        return obtain_dataset(made, device.resolve(target), console, stop, title=path.stem)[0]


def _trained(case: Case, folder: Path, target: str, console: Console) -> Run:
    """Return the network of a case, trained or found."""
    place = folder / f"run-{fingerprint({'data': case.data, 'train': case.train})}"
    request = Request((*case.train, f"device={target}"))
    made = planning.plan_new(request, [folder / f"{case.data}.h5"], place)
    LOGGER.info("%s", case.name)
    execute.obtain(made, console, overwrite=False)
    return load(made.folder.path, target)


def _errors(case: Case, network: Run, trained_on: Dataset, test: str, data: Dataset) -> Row:
    """Return the errors of a network on one test set."""
    found = metrics.measure(predict(network.model, data.spins, network.device), data.energies)
    of_fields = None
    if data.fields is not None:
        slopes = fields_of(network.model, data.spins, network.device)
        of_fields = measure_fields(slopes, data.fields, data.spins).relative_error
    told: Mapping[str, Any] = network.metrics
    return Row(
        case.name,
        test,
        len(trained_on),
        told["parameters"],
        trained_on.metadata["reference"]["seconds"],
        told["seconds"],
        found.rmse,
        found.bias,
        of_fields,
    )
