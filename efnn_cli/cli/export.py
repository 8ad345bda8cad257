"""`efnn export RUN`: the trained network for other programs; `efnn export FILE`: a configuration for viewers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from efnn_cli.cli import completion
from efnn_cli.cli.execution import command
from efnn_cli.cli.options import Overwrite, path_argument, path_option

if TYPE_CHECKING:
    from efnn_cli.core.console import Console
    from efnn_cli.core.results import Result


@command
def export(
    console: Console,
    run: Annotated[
        Path,
        path_argument(
            metavar="RUN",
            help="Run folder, or a checkpoint file in it; for ovf and vti a file of configurations.",
            autocompletion=completion.complete_run_folder,
        ),
    ],
    form: Annotated[
        str, typer.Option("--format", metavar="NAME", help="pt2, hdf5 or safetensors; ovf or vti.")
    ] = "pt2",
    dtype: Annotated[str, typer.Option("--dtype", metavar="TYPE", help="Weights: float64 or float32.")] = "float64",
    index: Annotated[
        int, typer.Option("--index", metavar="I", help="Configuration of ovf and vti; -1 is the last.")
    ] = -1,
    out: Annotated[
        Optional[Path],
        path_option("--out", metavar="FILE", help="Write this file (default: in the run folder, or beside FILE)."),
    ] = None,
    overwrite: Overwrite = False,
) -> Result:
    """Write a network for C++, Julia or Python without efnn: a torch.export program, or its weights by name.

    Example: efnn export outputs/RUN --format hdf5

    --format ovf and vti write one configuration of a dataset or of samples for viewers such as ParaView.
    """
    from efnn_cli.core import checks
    from efnn_cli.runs import export as exporting
    from efnn_cli.runs.loading import load
    from efnn_cli.storage import output, spin_fields

    checks.one_of("--format", form, [*exporting.SUFFIXES, *spin_fields.WRITERS])
    if form in spin_fields.WRITERS:
        output.claim_file(out, overwrite)
        output.refuse_inputs(out, [run])
        return exporting.export_spins(run, form, index, out)
    checks.one_of("--dtype", dtype, ("float64", "float32"))
    output.claim_file(out, overwrite)
    network = load(run, "cpu")
    output.refuse_inputs(out, [network.path])
    return exporting.export(network, form, dtype, out or exporting.default_path(network, form, dtype))
