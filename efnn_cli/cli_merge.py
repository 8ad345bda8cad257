"""The command `efnn merge`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from efnn_cli.arguments import (
    ConfigDir,
    Debug,
    Json,
    Out,
    Quiet,
    Seed,
    SystemAndOverrides,
    Verbose,
    request_of,
    split_one,
)
from efnn_cli.execution import execute

if TYPE_CHECKING:
    from efnn_cli.console import Console
    from efnn_cli.results import Result


def merge(
    arguments: SystemAndOverrides = None,
    size: Annotated[Optional[str], typer.Option("--L", metavar="N", help="As for generate.")] = None,
    samples: Annotated[Optional[str], typer.Option("--samples", metavar="N", help="As for generate.")] = None,
    seed: Seed = None,
    spins: Annotated[Optional[Path], typer.Option("--spins", help="As for generate.")] = None,
    out: Out = None,
    config_dir: ConfigDir = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Join the shards of a job array; the arguments are those of its efnn generate.

    Example: efnn merge double_exchange --L 10
    """

    def action(console: Console) -> Result:
        from efnn_cli.commands.generate import merge as run

        system, overrides = split_one(arguments, "SYSTEM", "three_spin, heisenberg or double_exchange")
        options = {"system.L": size, "samples": samples, "seed": seed}
        request = request_of([f"system={system}", *overrides], options, config_dir)
        return run(request, console, spins=spins, out=out)

    execute(action, json=json, quiet=quiet, verbose=verbose)
