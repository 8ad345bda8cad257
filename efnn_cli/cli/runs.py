"""The commands that look at many runs: `efnn runs` and `efnn plot`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from efnn_cli.cli.arguments import Json, Overwrite, TestData, path_option
from efnn_cli.cli.completion import complete_conditions, complete_figure
from efnn_cli.cli.execution import command

if TYPE_CHECKING:
    from efnn_cli.core.console import Console
    from efnn_cli.core.results import Result


@command
def runs(
    console: Console,
    conditions: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="KEY=VALUE",
            help="Only these runs: model=efnn,dnn, 'relative_error<1e-3', system.J=8.",
            autocompletion=complete_conditions,
        ),
    ] = None,
    sort: Annotated[
        Optional[str], typer.Option("--sort", metavar="KEY", help="By this column, the least first.")
    ] = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="The greatest first.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV with all columns.")] = False,
    json: Json = False,
) -> Result:
    """List the runs under outputs/: what they are, how far they came, their errors.

    Example: efnn runs system=three_spin 'parameters>=1000' --sort relative_error
    """
    from efnn_cli.commands.runs import run

    return run(console, conditions=conditions or (), sort=sort, reverse=reverse, as_csv=csv, as_json=json)


@command
def plot(
    console: Console,
    arguments: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="KIND [RUN|KEY=VALUE]",
            help="curve, parity, width, parameters, samples, sizes, times or spins; RUNs, or conditions.",
            autocompletion=complete_figure,
        ),
    ] = None,
    data: TestData = None,
    out: Annotated[
        Optional[Path],
        path_option("--out", metavar="STEM", help="Write STEM.png, STEM.svg and STEM.csv; STEM.pdf too if named so."),
    ] = None,
    overwrite: Overwrite = False,
) -> Result:
    """Draw a figure of runs, with a CSV of the data drawn beside it.

    Example: efnn plot width system=three_spin model=efnn,dnn

    curve: learning curves; parity: predicted against true energies; width, parameters, samples: error over many runs;
    sizes, times: what efnn extrapolate found, against L; spins: a configuration (index=0) and its effective fields.
    Without RUN the most recent one; for errors over many runs all finished ones.
    """
    from efnn_cli.commands.plot import run

    return run(console, arguments=arguments or (), data=data, out=out, overwrite=overwrite)
