"""The subcommands of `efnn bench`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from efnn_cli.arguments import Debug, Json, Quiet, Verbose, whole_numbers
from efnn_cli.execution import execute

if TYPE_CHECKING:
    from efnn_cli.console import Console
    from efnn_cli.results import Result

bench = typer.Typer(help="Measure our way against the straightforward one, in one run.", no_args_is_help=True)


@bench.command("labels")
def bench_labels(
    size: Annotated[str, typer.Option("--L", metavar="N[,N...]", help="Sizes.")] = "10,20,30,40",
    repeats: Annotated[int, typer.Option("--repeats", help="Repeats up to L = 20; medians are shown.")] = 3,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Seconds per configuration of double-exchange labels against L."""

    def action(console: Console) -> Result:
        from efnn_cli.commands.bench import run_labels

        return run_labels(console, sizes=whole_numbers("--L", size), repeats=repeats)

    execute(action, json=json, quiet=quiet, verbose=verbose)
