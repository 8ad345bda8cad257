"""`efnn inspect` and `efnn config`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from efnn_cli.cli.arguments import (
    SYSTEM_NAMES,
    ConfigDir,
    Overrides,
    path_argument,
    request_of,
    split_one,
)
from efnn_cli.cli.completion import complete_configured, complete_file_or_run
from efnn_cli.cli.execution import command

if TYPE_CHECKING:
    from efnn_cli.core.console import Console
    from efnn_cli.core.results import Result


@command
def inspect(
    console: Console,
    path: Annotated[
        Path,
        path_argument(
            metavar="FILE-or-RUN",
            help="Dataset, checkpoint, predictions or run.",
            autocompletion=complete_file_or_run,
        ),
    ],
) -> Result:
    """What is in a dataset, a checkpoint, predictions or a run, its checksum verified."""
    from efnn_cli.commands.inspect import run

    return run(console, path=path)


@command
def config(
    console: Console,
    command: Annotated[
        str, typer.Argument(metavar="[COMMAND]", help="Whose configuration.", autocompletion=complete_configured)
    ] = "train",
    overrides: Overrides = None,
    config_dir: ConfigDir = None,
) -> Result:
    """Show the composed configuration of a command.

    Example: efnn config train system=double_exchange model=efnn
    """
    from efnn_cli.commands.config import run

    typed = list(overrides or ())
    name = command
    if "=" in command:  # only settings were given
        typed, name = [command, *typed], "train"
    if name == "generate" and any("=" not in text for text in typed):
        system, typed = split_one(typed, "SYSTEM", SYSTEM_NAMES)
        typed.append(f"system={system}")
    return run(request_of(typed, {}, config_dir), console, command=name)
