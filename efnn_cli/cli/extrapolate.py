"""`efnn extrapolate [RUN...] --L N[,N...]`: apply a lattice network to other sizes, against fresh references."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from efnn_cli.cli.execution import command
from efnn_cli.cli.options import (
    Device,
    DryRun,
    GivenData,
    OutFolder,
    Overwrite,
    ReferenceSamples,
    RunsAndOverrides,
    Seed,
    Sizes,
    Workers,
)
from efnn_cli.cli.parsing import refuse_no_runs, request_of, sizes_of, split_runs

if TYPE_CHECKING:
    from efnn_cli.core.console import Console
    from efnn_cli.core.results import Result
    from efnn_cli.runs.loading import Run

LOGGER = logging.getLogger("efnn")


@command
def extrapolate(
    console: Console,
    arguments: RunsAndOverrides = None,
    size: Sizes = None,
    samples: ReferenceSamples = None,
    seed: Seed = None,
    device: Device = None,
    workers: Workers = None,
    out: OutFolder = None,
    data: GivenData = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
) -> Result:
    """Apply a lattice network to other sizes without retraining, against exact references.

    Example: efnn extrapolate --L 20,30,40

    --data takes labelled configurations of your own instead, such as those of efnn import.
    """
    from efnn_cli.config.compose import compose
    from efnn_cli.config.options import ExtrapolateKeys
    from efnn_cli.config.schema import typed
    from efnn_cli.core.device import describe, resolve
    from efnn_cli.datasets.settings import refuse_tolerance_without_effect
    from efnn_cli.evaluation import size_results
    from efnn_cli.evaluation.reference_datasets import plan_references, refuse_drawing
    from efnn_cli.runs.find import picked
    from efnn_cli.runs.loading import load

    runs, overrides = split_runs(arguments)
    sizes = None if size is None else sizes_of(size)
    options = {"L": sizes, "samples": samples, "seed": seed, "device": device, "workers": workers}
    composed = compose("extrapolate", request_of(overrides, options))
    config = typed(ExtrapolateKeys, composed.values)
    if data:
        refuse_drawing(composed)
    refuse_no_runs("extrapolate", runs, size)
    target = resolve(config.device)
    members = [load(path, config.device) for path in runs or picked()]
    size_results.require_lattice(members)
    if data:
        return on_given(members, data, out, overwrite=overwrite, dry_run=dry_run)
    plans = plan_references(config, members[0], target)
    refuse_tolerance_without_effect([plan.config for plan in plans], composed)
    table = size_results.claim_table(members, out, overwrite=overwrite)
    if dry_run:
        return size_results.planned(plans, target.type, table)
    LOGGER.info("extrapolating on %s", describe(target))
    rows, every = size_results.measure(members, plans, target, table, console)
    return size_results.report(rows, every, members[0], table)


def on_given(
    members: Sequence[Run], paths: Sequence[Path], out: Path | None, *, overwrite: bool, dry_run: bool
) -> Result:
    """Apply the networks to the user's own datasets of any size."""
    from efnn_cli.evaluation import size_results
    from efnn_cli.evaluation.reference_datasets import read_given

    datasets = read_given(paths, members)
    table = size_results.claim_table(members, out, overwrite=overwrite)
    if dry_run:
        return size_results.planned_given(datasets, table)
    rows, every = size_results.measure_given(members, datasets, table)
    return size_results.report(rows, every, members[0], table)
