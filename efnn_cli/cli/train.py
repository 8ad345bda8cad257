"""The command `efnn train`, and its sweeps."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from efnn_cli.cli.arguments import (
    ArrayIndex,
    ConfigDir,
    Count,
    Device,
    DryRun,
    Multirun,
    OutFolder,
    Overrides,
    Overwrite,
    Resume,
    TrainingData,
    refuse_for_sweep,
    request_of,
)
from efnn_cli.cli.execution import command

if TYPE_CHECKING:
    from efnn_cli.core.console import Console
    from efnn_cli.core.results import Result


@functools.partial(command, together=True)
def train(
    console: Console,
    overrides: Overrides = None,
    data: TrainingData = None,
    device: Device = None,
    out: OutFolder = None,
    resume: Resume = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    multirun: Multirun = False,
    count: Count = False,
    array_index: ArrayIndex = None,
    config_dir: ConfigDir = None,
) -> Result:
    """Train a network: model=efnn, dnn, resnet, densenet or effective.

    Example: efnn train model=efnn depth=3 seed=1

    Recipes: training=default (measured to work, by system and model) or training=paper (as published).
    The same command again resumes an interrupted run, or shows the finished one.
    Sweeps: efnn train -m model=efnn,dnn depth=1,2,3 'seed=range(3)' trains every combination that is not finished,
    one after the other, or with hydra/launcher=joblib or submitit_slurm (both need the extra sweep).
    Several processes or GPUs: torchrun --nproc-per-node N -m efnn_cli train ...
    """
    from efnn_cli.commands import sweep, train

    request = request_of(overrides, {"device": device}, config_dir)
    refuse_for_sweep(multirun=multirun, count=count, array_index=array_index, out=out, resume=resume)
    if count:
        return sweep.count(request)
    if array_index is not None:
        return sweep.run_one(request, console, index=array_index, data=data, overwrite=overwrite, dry_run=dry_run)
    if multirun:
        return sweep.run(request, console, data=data, overwrite=overwrite, dry_run=dry_run)
    return train.run(request, console, data=data, out=out, resume=resume, overwrite=overwrite, dry_run=dry_run)
