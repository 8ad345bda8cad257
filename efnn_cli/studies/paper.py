"""`efnn reproduce`: the experiments of the paper, and a report with the published figures beside ours.

Every step finds the results of an earlier command: an interrupted reproduction goes on where it was.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path

from efnn_cli.config.compose import compose
from efnn_cli.config.options import ExtrapolateKeys
from efnn_cli.config.schema import typed
from efnn_cli.config.words import Request
from efnn_cli.core import device
from efnn_cli.core.console import Console
from efnn_cli.core.progress import duration
from efnn_cli.core.results import Result, shown
from efnn_cli.core.signals import GO_ON, StopRequest, to_go_on
from efnn_cli.datasets.planning import obtain_dataset, plan_dataset, require_free_path
from efnn_cli.physics.double_exchange import DoubleExchange
from efnn_cli.runs.folder import OUTPUTS
from efnn_cli.runs.loading import load
from efnn_cli.storage import atomic
from efnn_cli.storage.output import REPRODUCTION_MARK, claim_folder, claim_marked
from efnn_cli.studies import paper_pages as pages
from efnn_cli.studies.engine import Engine, Progress, extrapolate, failed, run_cells
from efnn_cli.studies.launchers import split_launcher
from efnn_cli.studies.paper_pages import Report
from efnn_cli.studies.paper_plan import Step, plan_steps
from efnn_cli.studies.paper_presets import Experiment, choose
from efnn_cli.studies.paper_results import Reproduction
from efnn_cli.studies.paper_timing import Times, measure_times
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
    command = _command(experiments, request)
    settings, launcher = split_launcher(request.overrides)
    scale, every = choose(experiments, dataclasses.replace(request, overrides=settings))
    workers = every[0].workers
    folder = out or OUTPUTS / f"reproduce-{scale}"
    steps = [step for experiment in every for step in plan_steps(experiment)]
    _log_plan(steps, workers)
    claim_marked(folder, REPRODUCTION_MARK, scale)
    if export is not None:
        claim_folder(export, "--export")
    if dry_run:
        return _planned(steps, workers, folder)
    atomic.make_folder(folder)
    atomic.write_text(folder / REPRODUCTION_MARK, f"{scale}\n")
    engine = Engine(console, launcher, workers, silent=True)
    progress = Progress(sum(step.count for step in steps if step.trains))
    with to_go_on():
        found = [reproduce(experiment, folder, engine, progress) for experiment in every]
    return _report(scale, found, pages.write(scale, found, folder, command), export)


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
    sweeps = [name for name in groups if experiment.preset.sweeps[name].extrapolate]
    found = iter(extrapolate([group for name in sweeps for group in groups[name]], _sizes(experiment), console))
    return {name: [next(found) for _ in groups[name]] for name in sweeps}


def _sizes(experiment: Experiment) -> list[ExtrapolateKeys]:
    """Return the settings of `efnn extrapolate`: for the sizes, and for those beyond with its own number of samples."""
    scale = experiment.scale
    asked = [(sizes, samples) for sizes, samples in ((scale.sizes, scale.samples), (scale.beyond, None)) if sizes]
    options = [{"L": sizes, "samples": samples, "device": experiment.device} for sizes, samples in asked]
    return [typed(ExtrapolateKeys, compose("extrapolate", Request((), each)).values) for each in options]


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


def _report(scale: str, found: Sequence[Reproduction], written: Report, export: Path | None) -> Result:
    """Return the published figures beside ours, and the place of the report."""
    folder = written.html.parent
    outputs = {"report": shown(written.html), "markdown": shown(written.markdown), "folder": shown(folder)}
    if export is not None:
        _copy_text_files(folder, export)
        outputs["export"] = shown(export)
    runs = {each.experiment.name: len({plan.tag for plan in each.plans}) for each in found}
    metrics = {
        "scale": scale,
        "runs": runs,
        "training_seconds": sum(each.training_seconds for each in found),
        "published": [dataclasses.asdict(verdict) for verdict in written.published],
    }
    words = {True: "yes", False: "no", None: "-"}
    lines = [["", "published", "ours", "met"]]
    lines += [[each.what.replace("`", ""), each.published, each.ours, words[each.met]] for each in written.published]
    failures = [each for reproduction in found for each in reproduction.failures]
    failure = failure_of(failures, sum(runs.values()) + len(failures))
    return Result("reproduce", metrics, outputs, "error" if failure else "ok", lines, headed=True, failure=failure)


def _copy_text_files(folder: Path, into: Path) -> None:
    """Copy Markdown, figures as SVG and tables as CSV, which a repository can hold."""
    atomic.make_folder(into)
    for path in sorted(folder.iterdir()):
        if path.suffix in EXPORTED:
            atomic.write_bytes(into / path.name, path.read_bytes())


def _log_plan(steps: Sequence[Step], workers: int) -> None:
    for step in steps:
        LOGGER.info("%s: %s (%d), about %s", step.experiment, step.what, step.count, duration(step.seconds / workers))
    total = sum(step.seconds for step in steps) / workers
    LOGGER.info("in all about %s on %d workers, less what is done already", duration(total), workers)


def _planned(steps: Sequence[Step], workers: int, folder: Path) -> Result:
    """Return the table of a dry run."""
    total = sum(step.seconds for step in steps) / workers
    lines = [["experiment", "step", "count", "estimated time"]]
    lines += [[step.experiment, step.what, str(step.count), duration(step.seconds / workers)] for step in steps]
    lines.append(["all", "", "", duration(total)])
    rows = [
        {
            "experiment": step.experiment,
            "step": step.what,
            "count": step.count,
            "estimated_seconds": step.seconds / workers,
        }
        for step in steps
    ]
    metrics = {"workers": workers, "steps": rows, "estimated_seconds": total}
    return Result("reproduce", metrics, {"folder": shown(folder)}, "planned", lines, headed=True)
