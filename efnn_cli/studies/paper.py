"""`efnn reproduce [EXPERIMENT ...]`: the experiments of the paper, and a report that sets ours beside the published."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from efnn_cli.config.compose import Request
from efnn_cli.core.console import Console, duration
from efnn_cli.core.results import Result, shown
from efnn_cli.core.signals import GO_ON, StopRequest, to_go_on
from efnn_cli.storage import atomic
from efnn_cli.storage.output import REPRODUCTION_MARK, claim_folder, claim_marked
from efnn_cli.studies import paper_pages as pages
from efnn_cli.studies.paper_experiments import choose
from efnn_cli.studies.paper_findings import Findings
from efnn_cli.studies.paper_pages import Report
from efnn_cli.studies.paper_planning import Step, plan
from efnn_cli.studies.paper_progress import Progress
from efnn_cli.studies.paper_stages import carry_out, outputs_folder
from efnn_cli.studies.sweep_jobs import failure_of

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
    """Label, train, carry, time, and write the report."""
    scale, every = choose(experiments, request)
    folder = out or outputs_folder(scale)
    steps = plan(every)
    say_plan(steps, every[0].workers)
    claim_marked(folder, REPRODUCTION_MARK, scale)
    if export is not None:
        claim_folder(export, "--export")
    if dry_run:
        return planned(steps, every[0].workers, folder)
    atomic.make_folder(folder)
    atomic.write_text(folder / REPRODUCTION_MARK, f"{scale}\n")
    training = [step for step in steps if step.trains]
    progress = Progress(sum(step.count for step in training), sum(step.seconds for step in training), every[0].workers)
    with to_go_on(), StopRequest(GO_ON) as stop:
        found = [carry_out(chosen, folder, progress, console, stop) for chosen in every]
    return report(scale, found, pages.write(scale, found, folder, command_of(experiments, request)), export)


def command_of(experiments: Sequence[str], request: Request) -> str:
    """What was typed, but for where to compute and to write."""
    words = ["efnn reproduce", *experiments, *request.overrides]
    return " ".join([*words, "--config-dir", str(request.config_dir)] if request.config_dir else words)


def report(scale: str, found: Sequence[Findings], written: Report, export: Path | None) -> Result:
    """The published figures beside ours, and where the report is."""
    folder = written.html.parent
    outputs = {"report": shown(written.html), "markdown": shown(written.markdown), "folder": shown(folder)}
    if export is not None:
        copy_text_files(folder, export)
        outputs["export"] = shown(export)
    runs = {findings.chosen.experiment.name: len({plan.tag for plan in findings.plans}) for findings in found}
    metrics = {
        "scale": scale,
        "runs": runs,
        "training_seconds": sum(findings.training_seconds for findings in found),
        "published": [row.as_json() for row in written.published],
    }
    lines = [["", "published", "ours", "met"]]
    verdicts = {True: "yes", False: "no", None: "-"}
    lines += [[row.what.replace("`", ""), row.published, row.ours, verdicts[row.met]] for row in written.published]
    failures = [(job, outcome) for findings in found for job, outcome in findings.failures]
    count = sum(runs.values()) + len(failures)
    failure = failure_of([(" ".join(job.settings), outcome) for job, outcome in failures], count)
    status = "ok" if failure is None else "error"
    return Result("reproduce", metrics, outputs, status, lines, headed=True, failure=failure)


def copy_text_files(folder: Path, into: Path) -> None:
    """Markdown, pictures as SVG and tables as CSV: what a repository can hold."""
    atomic.make_folder(into)
    for path in sorted(folder.iterdir()):
        if path.suffix in EXPORTED:
            atomic.write_bytes(into / path.name, path.read_bytes())


def say_plan(steps: Sequence[Step], workers: int) -> None:
    """The plan on stderr, before anything is done."""
    for step in steps:
        LOGGER.info("%s: %s (%d), about %s", step.experiment, step.what, step.count, duration(step.seconds / workers))
    total = sum(step.seconds for step in steps) / workers
    LOGGER.info("in all about %s on %d workers, less what is done already", duration(total), workers)


def planned(steps: Sequence[Step], workers: int, folder: Path) -> Result:
    """What a dry run says."""
    rows = [step.as_json(workers) for step in steps]
    lines = [["experiment", "step", "count", "estimated time"]]
    lines += [[step.experiment, step.what, str(step.count), duration(step.seconds / workers)] for step in steps]
    total = sum(step.seconds for step in steps) / workers
    lines.append(["all", "", "", duration(total)])
    metrics = {"workers": workers, "steps": rows, "estimated_seconds": total}
    return Result("reproduce", metrics, {"folder": shown(folder)}, "planned", lines, headed=True)
