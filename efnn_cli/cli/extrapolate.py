"""`efnn extrapolate [RUN...] --L N[,N...]`: apply a lattice network to other sizes, against fresh references."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from efnn_cli.cli.execution import command
from efnn_cli.cli.options import (
    Device,
    DryRun,
    OutFolder,
    Overwrite,
    ReferenceSamples,
    RunsAndOverrides,
    Seed,
    Sizes,
    Workers,
)
from efnn_cli.cli.parsing import request_of, split_runs, whole_numbers

if TYPE_CHECKING:
    from efnn_cli.core.console import Console
    from efnn_cli.core.results import Result

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
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
) -> Result:
    """Apply a lattice network to other sizes without retraining, against exact references.

    Example: efnn extrapolate --L 20,30,40
    """
    from efnn_cli.config.compose import compose
    from efnn_cli.config.options import ExtrapolateKeys
    from efnn_cli.config.schema import typed
    from efnn_cli.core.device import describe, resolve
    from efnn_cli.datasets.settings import refuse_tolerance_without_effect
    from efnn_cli.evaluation import size_results
    from efnn_cli.evaluation.reference_datasets import plan_references
    from efnn_cli.runs.find import picked
    from efnn_cli.runs.loading import load

    runs, overrides = split_runs(arguments)
    sizes = None if size is None else whole_numbers("--L", size)
    options = {"L": sizes, "samples": samples, "seed": seed, "device": device, "workers": workers}
    composed = compose("extrapolate", request_of(overrides, options))
    config = typed(ExtrapolateKeys, composed.values)
    target = resolve(config.device)
    members = [load(path, config.device) for path in runs or picked()]
    size_results.require_lattice(members)
    plans = plan_references(config, members[0], target)
    refuse_tolerance_without_effect([plan.config for plan in plans], composed)
    table = size_results.claim_table(members, out, overwrite=overwrite)
    if dry_run:
        return size_results.planned(plans, target.type, table)
    LOGGER.info("extrapolating on %s", describe(target))
    rows, every = size_results.measure(members, plans, target, table, console)
    return size_results.report(rows, every, members[0].system.size, table)
