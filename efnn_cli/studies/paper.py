"""`efnn reproduce`: the experiments of the paper, and a report with the published figures beside ours.

Every step finds the results of an earlier command: an interrupted reproduction goes on where it was.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from efnn_cli.config.compose import compose
from efnn_cli.config.options import ExtrapolateKeys
from efnn_cli.config.schema import typed
from efnn_cli.config.words import Request
from efnn_cli.core import device
from efnn_cli.core.console import Console
from efnn_cli.core.progress import duration
from efnn_cli.core.results import Result, shown
from efnn_cli.core.signals import GO_ON, StopRequest, to_go_on
from efnn_cli.core.table import Table
from efnn_cli.datasets.planning import obtain_dataset, plan_dataset, require_free_path
from efnn_cli.physics.double_exchange import DoubleExchange
from efnn_cli.runs.folder import OUTPUTS
from efnn_cli.runs.loading import load
from efnn_cli.storage import atomic
from efnn_cli.storage.output import begin_study, claim_folder, claim_study
from efnn_cli.studies import paper_pages as pages
from efnn_cli.studies.engine import Engine, extrapolate, failed, run_cells
from efnn_cli.studies.launchers import split_launcher
from efnn_cli.studies.paper_plan import Step, plan_steps
from efnn_cli.studies.paper_presets import Experiment, choose
from efnn_cli.studies.paper_results import Reproduction
from efnn_cli.studies.paper_timing import Times, measure_times
from efnn_cli.studies.progress import Progress
from efnn_cli.studies.summary import Group
from efnn_cli.studies.trials import failure_of, source_at

LOGGER = logging.getLogger("efnn")

EXPORTED = (".md", ".svg", ".csv")


def run(
    request: Request,
    console: Console,
    *,
    experiments: Sequence[str] = (),
    out: Path | None = None,
    export: Path | None = None,
    dry_run: bool = False,
) -> Result:
    """Label, train, extrapolate, time, and write the report."""
    settings, launcher = split_launcher(request.overrides)
    scale, every = choose(experiments, dataclasses.replace(request, overrides=settings))
    workers = every[0].workers
    folder = out or OUTPUTS / f"reproduce-{scale}"
    steps = [step for experiment in every for step in plan_steps(experiment)]
    claim_study(folder, scale)
    if export is not None:
        claim_folder(export, "--export")
    if dry_run:
        return _planned(steps, workers, folder)
    total = duration(sum(step.seconds for step in steps) / workers)
    LOGGER.info("scale %s: about %s on %d workers, less what is done already", scale, total, workers)
    begin_study(folder, scale)
    training = [step for step in steps if step.trains]
    count, seconds = sum(step.count for step in training), sum(step.seconds for step in training)
    progress = Progress(console, count, seconds, workers)
    with to_go_on():
        found = [reproduce(each, folder, Engine(console, launcher, workers), progress) for each in every]
    result = _report(scale, found, folder, _command(experiments, request))
    return result if export is None else _exported(result, folder, export)


def reproduce(experiment: Experiment, folder: Path, engine: Engine, progress: Progress) -> Reproduction:
    """Return the results of one experiment, failed runs included; raises `Stopped` after a signal."""
    data = _label(experiment, engine.console)
    cells = [(sweep, cell) for sweep in experiment.scale.train for cell in experiment.cells(sweep)]
    trained = run_cells([cell for _, cell in cells], data, engine, progress)
    groups: dict[str, list[Group]] = {}
    for (sweep, _), group in zip(cells, trained, strict=True):
        if group.members:
            groups.setdefault(sweep, []).append(group)
    groups |= _extrapolated(experiment, groups, engine.console)
    times = _times(experiment, groups, folder)
    return Reproduction(experiment, data, source_at(data).system, groups, failed(trained), times)


def _label(experiment: Experiment, console: Console) -> Path:
    """Return the dataset, made or found."""
    plan = plan_dataset(experiment.generate)
    require_free_path(plan, overwrite=False)
    target = device.resolve(plan.config.device)
    with StopRequest(GO_ON) as stop:
        _, existed = obtain_dataset(plan, target, console, stop)
    LOGGER.info("dataset: %s, %s", shown(plan.path), "stored" if existed else "new")
    return plan.path


def _extrapolated(experiment: Experiment, groups: dict[str, list[Group]], console: Console) -> dict[str, list[Group]]:
    """Return the sweeps that are evaluated at other sizes, with their errors there."""
    scale = experiment.scale
    asked = [(sizes, samples) for sizes, samples in ((scale.sizes, scale.samples), (scale.beyond, None)) if sizes]
    options = [{"L": sizes, "samples": samples, "device": experiment.device} for sizes, samples in asked]
    configs = [typed(ExtrapolateKeys, compose("extrapolate", Request((), each)).values) for each in options]
    sweeps = [name for name in groups if experiment.preset.sweeps[name].extrapolate]
    found = iter(extrapolate([group for name in sweeps for group in groups[name]], configs, console))
    return {name: [next(found) for _ in groups[name]] for name in sweeps}


def _times(experiment: Experiment, groups: dict[str, list[Group]], folder: Path) -> Times:
    """Return seconds per configuration with the first network of the sweep `best`; empty if there is none."""
    sizes = experiment.scale.times
    if not sizes or not groups.get("best"):
        return {}
    network = load(groups["best"][0].members[0].run, "cpu")
    if not isinstance(network.system, DoubleExchange):
        return {}
    with StopRequest(GO_ON) as stop:
        return measure_times(network.system, network, sizes, folder / "times.csv", stop)


def _command(experiments: Sequence[str], request: Request) -> str:
    """Return the command as typed, without options of device and folder."""
    words = ["efnn reproduce", *experiments, *request.overrides]
    return " ".join([*words, "--config-dir", str(request.config_dir)] if request.config_dir else words)


def _report(scale: str, found: Sequence[Reproduction], folder: Path, command: str) -> Result:
    """Write the report; return its place, and the published figures beside ours."""
    published = pages.write(scale, found, folder, command)
    outputs = {
        "report": shown(folder / "report.html"),
        "markdown": shown(folder / "report.md"),
        "folder": shown(folder),
    }
    runs = {each.experiment.name: len({plan.tag for plan in each.plans}) for each in found}
    metrics: dict[str, Any] = {
        "scale": scale,
        "runs": runs,
        "training_seconds": sum(each.training_seconds for each in found),
        "published": [dataclasses.asdict(agreement) for agreement in published],
    }
    tables = []
    for name in runs:
        rows = [[each.what, each.published, each.ours, each.word] for each in published if each.experiment == name]
        tables.append(Table((name, "published", "ours", "agreement"), rows))
    failures = [each for reproduction in found for each in reproduction.failures]
    failure = failure_of(failures, sum(runs.values()) + len(failures))
    status = "error" if failure else "ok"
    return Result("reproduce", metrics, outputs, status, tables=[each for each in tables if each.rows], failure=failure)


def _exported(result: Result, folder: Path, into: Path) -> Result:
    """Copy Markdown, figures as SVG and tables as CSV, which a repository can hold; name the copy in the result."""
    atomic.make_folder(into)
    for path in sorted(folder.iterdir()):
        if path.suffix in EXPORTED:
            atomic.write_bytes(into / path.name, path.read_bytes())
    return dataclasses.replace(result, outputs={**result.outputs, "export": shown(into)})


def _planned(steps: Sequence[Step], workers: int, folder: Path) -> Result:
    """Return the table of a dry run."""
    total = sum(step.seconds for step in steps) / workers
    lines = [[step.experiment, step.what, step.count, duration(step.seconds / workers)] for step in steps]
    rows = [
        {
            "experiment": step.experiment,
            "step": step.what,
            "count": step.count,
            "estimated_seconds": step.seconds / workers,
        }
        for step in steps
    ]
    table = Table(("experiment", "step", "count", "time"), [*lines, ["all", "", "", duration(total)]], turns=False)
    metrics = {"workers": workers, "steps": rows, "estimated_seconds": total}
    return Result("reproduce", metrics, {"folder": shown(folder)}, "planned", tables=[table])
