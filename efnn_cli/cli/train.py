"""`efnn train`: train a network on a dataset, or many networks with -m."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from efnn_cli.cli.execution import command
from efnn_cli.cli.options import (
    ArrayIndex,
    ConfigDir,
    Count,
    Device,
    DryRun,
    Extend,
    Init,
    Multirun,
    OutFolder,
    Overrides,
    Overwrite,
    Resume,
    TrainingSets,
)
from efnn_cli.cli.parsing import request_of

if TYPE_CHECKING:
    from efnn_cli.config.words import Request
    from efnn_cli.core.console import Console
    from efnn_cli.core.results import Result


@functools.partial(command, together=True)
def train(
    console: Console,
    overrides: Overrides = None,
    data: TrainingSets = None,
    device: Device = None,
    out: OutFolder = None,
    resume: Resume = None,
    init: Init = None,
    extend: Extend = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    multirun: Multirun = False,
    count: Count = False,
    array_index: ArrayIndex = None,
    config_dir: ConfigDir = None,
) -> Result:
    """Train a network: model=efnn, dnn, resnet, densenet, effective or FILE.py:CLASS.

    Example: efnn train model=efnn depth=3 seed=1

    Recipes: training=default (by system and model; errors in docs/results.md) or training=paper (as published).

    The same command again resumes an interrupted run, or shows the finished one.

    Sweeps: efnn train -m model=efnn,dnn depth=1,2,3 'seed=range(3)' trains every combination that is not finished,
    one after the other, or with hydra/launcher=joblib or submitit_slurm (both need the extra sweep).

    Several sizes at once: --data A.h5 --data B.h5 (one Hamiltonian); the loss then is that of energies per site.

    Several processes or GPUs: torchrun --nproc-per-node N -m efnn_cli train ...
    """
    request = request_of(overrides, {"device": device}, config_dir)
    starts = {"--resume": resume, "--init": init, "--extend": extend}
    refuse_contradictions(multirun=multirun, count=count, array_index=array_index, out=out, starts=starts)
    paths = data or []
    if multirun:
        from efnn_cli.studies import sweep

        if count:
            return sweep.count(request)
        if array_index is None:
            return sweep.run(request, console, data=sweep.only(paths), overwrite=overwrite, dry_run=dry_run)
        request = sweep.pick(request, array_index)
    return train_one(request, console, data=paths, out=out, starts=starts, overwrite=overwrite, dry_run=dry_run)


def refuse_contradictions(
    *, multirun: bool, count: bool, array_index: int | None, out: Path | None, starts: dict[str, Path | None]
) -> None:
    """Raise `ConfigError` for options that do not go together."""
    from efnn_cli.core.errors import ConfigError

    for name, given in (("--count", count), ("--array-index", array_index is not None)):
        if given and not multirun:
            raise ConfigError(f"{name} belongs to a sweep", "add -m: efnn train -m model=efnn,dnn ...")
    if count and array_index is not None:
        raise ConfigError("--count prints the number of runs, --array-index trains one: found both", "keep one of them")
    said = [name for name, path in starts.items() if path is not None]
    if len(said) > 1:
        raise ConfigError(f"{said[0]} and {said[1]} both say where to start", "keep one of them")
    for name, path in {"--out": out, **starts}.items():
        if path is not None and multirun:
            raise ConfigError(
                f"{name} is for one run, and every run of a sweep has a folder of its own", "leave it out"
            )


def train_one(
    request: Request,
    console: Console,
    *,
    data: list[Path],
    out: Path | None,
    starts: dict[str, Path | None],
    overwrite: bool,
    dry_run: bool,
) -> Result:
    """Train the network of the configuration, resume it, or find it trained; alone or as one of several processes."""
    from efnn_cli.core.errors import ConfigError
    from efnn_cli.core.results import Result
    from efnn_cli.runs import execute, planning, results
    from efnn_cli.runs.folder import RunFolder
    from efnn_cli.runs.planning import Plan
    from efnn_cli.training import distributed

    resume, init, extend = (starts[name] for name in ("--resume", "--init", "--extend"))
    if resume is not None and overwrite:
        raise ConfigError("--resume goes on with a run, --overwrite starts it again: found both", "keep one of them")

    def make_plan() -> Plan:
        if extend is not None:
            return planning.plan_extended(request, extend, data, out)
        if resume is None:
            return planning.plan_new(request, data, out, init)
        return planning.plan_resumed(request, resume, data, out)

    with distributed.joined():
        if resume is not None and not dry_run:
            distributed.broadcast(lambda: execute.complete_replacement(RunFolder(resume)))
        plan = distributed.agreed(make_plan, lambda plan: plan.tag)
        if dry_run:
            distributed.local_device(plan.config.device)
            distributed.broadcast(lambda: None if overwrite else execute.claim_run(plan.folder, plan.tag))
        else:
            execute.obtain(plan, console, overwrite=overwrite)
        if not distributed.is_main():
            return Result("train")
        return results.planned(plan) if dry_run else results.report(plan.folder)
