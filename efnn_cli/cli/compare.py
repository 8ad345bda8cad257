"""`efnn compare`: several networks on equal data with about equal parameters, their errors side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from efnn_cli.cli.execution import command
from efnn_cli.cli.options import (
    ConfigDir,
    Device,
    DryRun,
    Models,
    OutFolder,
    Overrides,
    ReferenceSamples,
    Sizes,
    TrainingData,
    Workers,
)
from efnn_cli.cli.parsing import request_of, sizes_of, whole_numbers

if TYPE_CHECKING:
    from efnn_cli.core.console import Console
    from efnn_cli.core.results import Result


@command
def compare(
    console: Console,
    overrides: Overrides = None,
    models: Models = None,
    seeds: Annotated[int, typer.Option("--seeds", metavar="N", help="Training seeds of every network.")] = 3,
    grid: Annotated[
        Optional[list[str]],
        typer.Option(
            "--grid",
            metavar="KEY=V[,V...]",
            help="Values to choose from by validation, with the first seed (default: lr and activation_scale around "
            "the recipes; none: no choice).",
        ),
    ] = None,
    parameters: Annotated[
        Optional[str],
        typer.Option(
            "--parameters", metavar="N[,N...]", help="Wanted numbers of parameters (default: that of the first)."
        ),
    ] = None,
    data: TrainingData = None,
    size: Sizes = None,
    samples: ReferenceSamples = None,
    device: Device = None,
    workers: Workers = None,
    out: OutFolder = None,
    dry_run: DryRun = False,
    config_dir: ConfigDir = None,
) -> Result:
    """Train several networks on equal data, with about equal parameters, and set their errors side by side.

    Example: efnn compare --models efnn,resnet --parameters 3000,10000 epochs=20

    Settings are those of efnn train; recipe and grid are the same for every network.
    Widths are chosen for about equal numbers of parameters.
    Every network is a run of its own: what is finished is not trained again.
    hydra/launcher=joblib or submitit_slurm distributes the runs, as in efnn train -m.
    """
    from efnn_cli.studies.compare import run
    from efnn_cli.studies.compare_networks import Comparison
    from efnn_cli.studies.launchers import split_launcher

    names = None if models is None else tuple(models.split(","))
    wanted = () if parameters is None else tuple(whole_numbers("--parameters", parameters))
    settings, launcher = split_launcher(overrides or ())
    request = request_of(settings, {"device": device}, config_dir)
    comparison = Comparison(request, names, seeds, tuple(grid) if grid else None, wanted, launcher)
    sizes = None if size is None else sizes_of(size)
    options = {"L": sizes, "samples": samples, "workers": workers, "device": device}
    return run(comparison, request_of((), options), console, data=data, out=out, dry_run=dry_run)
