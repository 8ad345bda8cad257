"""`efnn relabel DATA`: the energies of other T and mu from stored levels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from efnn_cli.cli import completion
from efnn_cli.cli.execution import command
from efnn_cli.cli.options import OutFile, Overwrite
from efnn_cli.cli.parsing import request_of, split_one

if TYPE_CHECKING:
    from efnn_cli.core.console import Console
    from efnn_cli.core.results import Result


@command
def relabel(
    console: Console,
    arguments: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="DATA [KEY=VALUE]...",
            help="Dataset with levels; system.T=..., system.mu=...",
            autocompletion=completion.complete_dataset,
        ),
    ] = None,
    out: OutFile = None,
    overwrite: Overwrite = False,
) -> Result:
    """Label a dataset anew at other system.T and system.mu, from its levels, in seconds.

    Example: efnn relabel data/FILE.h5 system.T=0.05 system.mu=-8
    """
    from efnn_cli.config.compose import compose
    from efnn_cli.datasets import relabelling, results
    from efnn_cli.storage import output

    source, overrides = split_one(arguments, "DATA", "a dataset with levels", "relabel data/FILE.h5 system.T=0.05")
    composed = compose("relabel", request_of(overrides, {}))
    work = relabelling.plan(Path(source), composed, out, overwrite=overwrite)
    output.refuse_inputs(work.path, [Path(source)])
    data, existed = relabelling.relabel(work, overwrite=overwrite)
    return results.report(data, work.path, existed=existed, command="relabel")
