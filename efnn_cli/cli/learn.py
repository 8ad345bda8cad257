"""`efnn learn SYSTEM`: a network for one ensemble, in rounds of labelling, training and sampling."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from efnn_cli.cli.execution import command
from efnn_cli.cli.options import (
    LATTICE_SYSTEMS,
    Device,
    DryRun,
    LatticeSize,
    LatticeSystemAndOverrides,
    OutFolder,
    Workers,
)
from efnn_cli.cli.parsing import split_one

if TYPE_CHECKING:
    from efnn_cli.core.console import Console
    from efnn_cli.core.results import Result

LOGGER = logging.getLogger("efnn")


@command
def learn(
    console: Console,
    arguments: LatticeSystemAndOverrides = None,
    size: LatticeSize = None,
    rounds: Annotated[Optional[str], typer.Option("--rounds", metavar="N", help="Rounds, at most.")] = None,
    labels: Annotated[
        Optional[str], typer.Option("--labels", metavar="N", help="Exact labels of the first network.")
    ] = None,
    seed: Annotated[
        Optional[str], typer.Option("--seed", metavar="N", help="Seed of labels, trainings and chains.")
    ] = None,
    device: Device = None,
    workers: Workers = None,
    out: OutFolder = None,
    dry_run: DryRun = False,
) -> Result:
    """Train a network for one ensemble without data to start from: label, train, sample, and train on the new labels.

    Example: efnn learn double_exchange --L 10 system.T=0.05

    Then efnn sample with the network that it names. Settings of training (epochs=..., width=...) hold for every round.
    """
    from efnn_cli.core.device import describe, resolve
    from efnn_cli.studies import learning, learning_results

    system, words = split_one(arguments, "SYSTEM", LATTICE_SYSTEMS, "learn double_exchange --L 10")
    options = {"system.L": size, "rounds": rounds, "labels": labels, "seed": seed, "device": device, "workers": workers}
    plan = learning.plan(words, system, options, out)
    target = resolve(plan.keys.device)
    if dry_run:
        return learning_results.planned(plan)
    LOGGER.info("learning on %s in %s", describe(target), plan.folder)
    return learning_results.report(plan, learning.learn(plan, target, console))
