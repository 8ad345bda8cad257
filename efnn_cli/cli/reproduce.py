"""`efnn reproduce [EXPERIMENT ...]`: the experiments of the paper, and a report of our figures beside the published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from efnn_cli.cli.completion import complete_experiment
from efnn_cli.cli.execution import command
from efnn_cli.cli.options import ConfigDir, Device, DryRun, OutFolder, path_option
from efnn_cli.cli.parsing import request_of

if TYPE_CHECKING:
    from efnn_cli.core.console import Console
    from efnn_cli.core.results import Result


@command
def reproduce(
    console: Console,
    arguments: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="[EXPERIMENT]... [KEY=VALUE]...",
            help="Experiments (default: all), scale=laptop.",
            autocompletion=complete_experiment,
        ),
    ] = None,
    device: Device = None,
    workers: Annotated[
        Optional[str],
        typer.Option("--workers", metavar="N", help="Trainings side by side (default: one a core, on CUDA one)."),
    ] = None,
    out: OutFolder = None,
    export: Annotated[
        Optional[Path], path_option("--export", metavar="DIR", help="Copy Markdown, SVG and CSV of the report there.")
    ] = None,
    dry_run: DryRun = False,
    config_dir: ConfigDir = None,
) -> Result:
    """Do the experiments of the paper again, and report our figures beside the published ones.

    Example: efnn reproduce scale=laptop --dry-run

    Experiments of the paper: three_spin, infinite_range, double_exchange (conf/experiment/). Others are done where they
    are named (conf/scan/): temperature, accuracy by what a network was trained on; labels, energies alone against
    energies and fields; thermodynamics, a scan of the temperature by Monte Carlo with networks. The same command goes
    on where it was interrupted, and writes the report again. hydra/launcher=submitit_slurm distributes the runs of the
    paper, as in efnn train -m.
    """
    from efnn_cli.studies import paper, scans

    sign = "experiment="
    names = [text.removeprefix(sign) for text in arguments or () if "=" not in text or text.startswith(sign)]
    settings = [text for text in arguments or () if "=" in text and not text.startswith(sign)]
    request = request_of(settings, {"device": device, "workers": workers}, config_dir)
    run = scans.run if scans.asked(names) else paper.run
    return run(request, console, experiments=names, out=out, export=export, dry_run=dry_run)
