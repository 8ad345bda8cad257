"""`efnn train -m`: many runs from one command; one of them by its number for arrays of a batch system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from efnn_cli.config.compose import Request
from efnn_cli.core import ranks
from efnn_cli.core.console import Console
from efnn_cli.core.errors import ConfigError
from efnn_cli.core.results import Result, number, shown
from efnn_cli.core.signals import GO_ON, to_go_on
from efnn_cli.models import parameter_count
from efnn_cli.runs.fitting import initial_model
from efnn_cli.studies.sweep_jobs import ELSEWHERE, FAILED, FINISHED, Outcome, failure_of
from efnn_cli.studies.sweep_run import Sweep, carry_out_all, check, plan_sweep, settings_of

FACTS = ("parameters", "epochs", "seconds")
AGAIN = "the same command goes on with the run it was in, and trains all the others again"
ERRORS = ("relative_error", "rmse_over_std")
COUNTED = {"finished": FINISHED, "running_elsewhere": ELSEWHERE, "failed": FAILED}


def run(
    request: Request,
    console: Console,
    *,
    data: Path | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
) -> Result:
    """Train every run of the sweep that is not finished; its table, and the highest exit code among the failed."""
    if ranks.several():
        raise ConfigError("a sweep trains one network after the other: found several processes", "leave out torchrun")
    sweep = plan_sweep(request, data)
    if dry_run:
        return planned(sweep)
    with to_go_on(AGAIN if overwrite else GO_ON):
        outcomes = carry_out_all(sweep, console, overwrite=overwrite)
    return report(sweep, outcomes)


def count(request: Request) -> Result:
    """How many runs the sweep has."""
    every, _ = settings_of(request)
    check(request, every)
    return Result("train", {"count": len(every)}, rows=[[str(len(every))]])


def pick(request: Request, index: int) -> Request:
    """Return the request of run number `index` of the sweep alone."""
    every, _ = settings_of(request)
    if not 0 <= index < len(every):
        raise ConfigError(
            f"--array-index: wanted 0 to {len(every) - 1}, found {index}", "efnn train -m ... --count tells how many"
        )
    return replace(request, overrides=every[index])


def planned(sweep: Sweep) -> Result:
    """What a dry run says."""
    todo = set(sweep.unfinished(overwrite=False))
    rows = [
        {
            "index": job.index,
            "settings": " ".join(job.settings),
            "run": shown(plan.folder.path),
            "parameters": parameter_count(initial_model(plan.config, plan.system)),
            "status": "to do" if job.index in todo else FINISHED,
        }
        for job, plan in zip(sweep.jobs, sweep.plans, strict=True)
    ]
    head = ["index", "run", "parameters", "status", "settings"]
    lines = [head, *([number(row[key]) for key in head] for row in rows)]
    metrics = {"count": len(rows), "finished": len(rows) - len(todo), "runs": rows}
    return Result("train", metrics, status="planned", rows=lines, headed=True)


def report(sweep: Sweep, outcomes: Sequence[Outcome]) -> Result:
    """A line a run, failed ones last with their reasons."""
    lines = [["run", "status", *FACTS, *(f"test {name}" for name in ERRORS)]]
    for each in outcomes:
        if each.metrics is not None:
            values = [*(each.metrics[key] for key in FACTS), *(each.metrics["test"][name] for name in ERRORS)]
            lines.append([each.run, each.status, *map(number, values)])
    for each in outcomes:
        if each.metrics is None:
            status = f"{each.status}, exit {each.code}" if each.code else each.status
            lines.append([each.run or " ".join(sweep.jobs[each.index].settings), status])
    runs = [{"settings": list(sweep.jobs[each.index].settings), **each.as_json()} for each in outcomes]
    counts = {key: sum(each.status == status for each in outcomes) for key, status in COUNTED.items()}
    named = [(" ".join(sweep.jobs[each.index].settings), each) for each in outcomes if each.status == FAILED]
    failure = failure_of(named, len(outcomes))
    status = "ok" if failure is None else "error"
    return Result(
        "train", {"count": len(runs), **counts, "runs": runs}, {}, status, lines, headed=True, failure=failure
    )
