"""`efnn train -m`: many runs from one command, each in its own folder, as if they had been asked for one by one."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from efnn_cli.config.compose import compose
from efnn_cli.config.words import Request, key_of
from efnn_cli.core import ranks
from efnn_cli.core.console import Console
from efnn_cli.core.errors import ConfigError, InputError
from efnn_cli.core.numbers import number
from efnn_cli.core.results import Result, shown
from efnn_cli.core.signals import GO_ON, to_go_on
from efnn_cli.core.table import Table
from efnn_cli.models.build import parameter_count
from efnn_cli.runs.fitting import initial_model
from efnn_cli.runs.planning import choose_source
from efnn_cli.runs.settings import train_config
from efnn_cli.studies.engine import Engine
from efnn_cli.studies.grid import expand
from efnn_cli.studies.launchers import split_launcher
from efnn_cli.studies.progress import Progress, cost, distinguish
from efnn_cli.studies.trials import ELSEWHERE, FAILED, FINISHED, Outcome, Trial, failure_of
from efnn_cli.training.metrics import ON_TEST, warn_of_no_use

HEAD = ("run", "RMSE/std", "rel. error", "params", "epochs", "s", "hash")
AGAIN = "the same command goes on with the run it was in, and trains all the others again"


def only(paths: Sequence[Path]) -> Path | None:
    """Return the dataset of a sweep, None where none is given; raise `ConfigError` for several."""
    if len(paths) > 1:
        raise ConfigError(f"a sweep trains on one dataset, found {len(paths)}", "one efnn train for each")
    return paths[0] if paths else None


def run(
    request: Request, console: Console, *, data: Path | None = None, overwrite: bool = False, dry_run: bool = False
) -> Result:
    """Train every run of the sweep that is not finished; return its table."""
    if ranks.is_distributed():
        raise ConfigError("a sweep trains one network after the other: found several processes", "leave out torchrun")
    requests, launcher = expand_sweep(request)
    trials = _trials(request, requests, data)
    if dry_run:
        return _planned(trials)
    engine = Engine(console, launcher, overwrite=overwrite, waits=False)
    with to_go_on(AGAIN if overwrite else GO_ON):
        outcomes = engine.run(trials, Progress(console, len(trials), sum(map(cost, trials))))
    return _report(trials, outcomes)


def count(request: Request) -> Result:
    """Return the number of runs of the sweep."""
    requests, _ = expand_sweep(request)
    return Result("train", {"count": len(requests)}, text=str(len(requests)))


def pick(request: Request, index: int) -> Request:
    """Return run number `index` of the sweep."""
    requests, _ = expand_sweep(request)
    if not 0 <= index < len(requests):
        raise ConfigError(
            f"--array-index: wanted 0 to {len(requests) - 1}, found {index}", "efnn train -m ... --count tells how many"
        )
    return requests[index]


def expand_sweep(request: Request) -> tuple[list[Request], tuple[str, ...]]:
    """Return the settings of every run and of the launcher; raises `ConfigError` before any file is looked for."""
    settings, launcher = split_launcher(request.overrides)
    requests = [dataclasses.replace(request, overrides=point) for point in expand(settings)]
    for each in requests:
        try:
            train_config(compose("train", each))
        except ConfigError as error:
            raise _named(each, error) from error
    return requests, launcher


def _trials(request: Request, requests: Sequence[Request], data: Path | None) -> list[Trial]:
    """Return the trials; the dataset of every system is picked once."""
    trials = []
    picked: dict[tuple[str, ...], Path] = {}
    for each in requests:
        of_system = tuple(text for text in each.overrides if key_of(text).partition(".")[0] == "system")
        if of_system not in picked:
            picked[of_system] = choose_source(Request(of_system, {}, request.config_dir), data)
        trials.append(Trial(each, picked[of_system]))
        try:
            trials[-1].plan  # noqa: B018 - planned now, so that every error comes before any training
        except (ConfigError, InputError) as error:
            raise _named(each, error) from error
    return trials


def _named(request: Request, error: ConfigError | InputError) -> ConfigError | InputError:
    """Return the error with the settings of its run."""
    return type(error)(f"{' '.join(request.overrides)}: {error.message}", error.hint)


def _planned(trials: Sequence[Trial]) -> Result:
    """Return the table of a dry run."""
    rows = [
        {
            "index": index,
            "settings": trial.settings,
            "run": shown(trial.plan.folder.path),
            "parameters": parameter_count(initial_model(trial.plan.config, trial.plan.system)),
            "status": FINISHED if trial.finished else "to do",
        }
        for index, trial in enumerate(trials)
    ]
    lines = [
        [row["index"], name, row["parameters"], row["status"]]
        for row, name in zip(rows, distinguish(trials), strict=True)
    ]
    finished = sum(row["status"] == FINISHED for row in rows)
    metrics = {"count": len(rows), "finished": finished, "runs": rows}
    return Result("train", metrics, status="planned", tables=[Table(("index", "run", "parameters", "status"), lines)])


def _report(trials: Sequence[Trial], outcomes: Sequence[Outcome]) -> Result:
    """Return the table: finished runs first, then the others with their status."""
    results, others, runs = [], [], []
    for index, (trial, name, each) in enumerate(zip(trials, distinguish(trials), outcomes, strict=True)):
        runs.append({"settings": list(trial.request.overrides), "index": index, **dataclasses.asdict(each)})
        if each.metrics is None:
            others.append([name, f"{each.status}, exit {each.code}" if each.code else each.status])
            continue
        test = each.metrics["test"]
        warn_of_no_use({ON_TEST: test["rmse_over_std"]}, each.run)
        errors = [number(test[key], 3) for key in ("rmse_over_std", "relative_error")]
        facts = [each.metrics["parameters"], each.metrics["epochs"], f"{each.metrics['seconds']:.3g}"]
        results.append([name, *errors, *facts, Path(each.run).name.rpartition("-")[2]])
    failed = [(trial.settings, each) for trial, each in zip(trials, outcomes, strict=True) if each.status == FAILED]
    counts = {
        name.replace(" ", "_"): sum(each.status == name for each in outcomes) for name in (FINISHED, ELSEWHERE, FAILED)
    }
    failure = failure_of(failed, len(outcomes))
    metrics: dict[str, Any] = {"count": len(runs), **counts, "runs": runs}
    tables = [Table(head, lines) for head, lines in ((HEAD, results), (("run", "status"), others)) if lines]
    return Result("train", metrics, {}, "error" if failure else "ok", tables=tables, failure=failure)
