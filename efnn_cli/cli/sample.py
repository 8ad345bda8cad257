"""`efnn sample RUN`: Monte Carlo whose moves a network proposes and exact energies correct."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from efnn_cli.cli.execution import command
from efnn_cli.cli.generate import part_of
from efnn_cli.cli.options import (
    Device,
    DryRun,
    LatticeSize,
    OutFile,
    Overwrite,
    RunAndOverrides,
    ShardIndex,
    Shards,
    Workers,
)
from efnn_cli.cli.parsing import request_of, split_one

if TYPE_CHECKING:
    from efnn_cli.core.console import Console
    from efnn_cli.core.results import Result

LOGGER = logging.getLogger("efnn")


@command
def sample(
    console: Console,
    arguments: RunAndOverrides = None,
    size: LatticeSize = None,
    chains: Annotated[Optional[str], typer.Option("--chains", metavar="N", help="Number of chains.")] = None,
    proposals: Annotated[
        Optional[str], typer.Option("--proposals", metavar="N", help="Proposals of every chain that are kept.")
    ] = None,
    seed: Annotated[Optional[str], typer.Option("--seed", metavar="N", help="Seed of the chains.")] = None,
    device: Device = None,
    workers: Workers = None,
    out: OutFile = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    shards: Shards = None,
    shard_index: ShardIndex = None,
) -> Result:
    """Sample exp(-E/T): a network proposes, exact energies accept or reject.

    Example: efnn sample outputs/RUN --L 20 system.T=0.05

    The result is exact whatever the error of the network; acceptance and autocorrelation tell how good it is.
    """
    from efnn_cli.config.compose import compose
    from efnn_cli.core.device import describe, resolve
    from efnn_cli.core.signals import StopRequest
    from efnn_cli.runs.loading import load
    from efnn_cli.simulation import results, sampling, settings
    from efnn_cli.storage import output

    run, overrides = split_one(
        arguments, "RUN", "a run folder, or a checkpoint file in it", "sample outputs/RUN --L 20"
    )
    options = {"system.L": size, "chains": chains, "proposals": proposals, "seed": seed}
    options |= {"device": device, "workers": workers}
    keys = settings.keys_of(compose("sample", request_of(overrides, options)))
    part = part_of(shards, shard_index, overwrite=overwrite)
    target = resolve(keys.device)
    plan = settings.plan(keys, load(Path(run), keys.device), out)
    results.claim(plan, overwrite=overwrite)
    output.refuse_inputs(plan.path, [Path(run)])
    if dry_run:
        return results.planned(plan, target)
    reference = plan.reference or "none: the network itself"
    LOGGER.info("sampling on %s, %d chains, reference %s", describe(target), plan.keys.chains, reference)
    if part is not None and part.index >= len(plan.groups):
        LOGGER.info("nothing to do for this part: there are no more groups than that")
    total = keys.chains * keys.proposals
    with StopRequest(sampling.RESUME) as stop, console.meter("sampling", total, "proposals") as meter:
        samples, existed = sampling.sample(plan, meter, stop.check, overwrite=overwrite, part=part)
    if part is not None and samples is None:
        return results.partial(plan, part)
    assert samples is not None
    if existed:
        LOGGER.info("%s was there already", plan.path)
    return results.report(plan, samples)
