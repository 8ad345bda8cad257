"""Running one command: its console, its result on stdout."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from efnn_cli import launch

if TYPE_CHECKING:
    from efnn_cli.console import Console
    from efnn_cli.results import Failure, Result


def execute(
    action: Callable[[Console], Result], *, json: bool, quiet: bool, verbose: bool, together: bool = False
) -> None:
    """Run one command and print its result on stdout; raises `typer.Exit` where a part of the work has failed.

    Started as several processes, only a command that works `together` is run, and the first process speaks for all.
    """
    from efnn_cli.console import Console

    if not together:
        _refuse_several()
    console = Console(quiet=quiet, verbose=verbose, silent=launch.follows())
    result = action(console)
    if not launch.follows():
        print(result.as_json(console.warnings) if json else result.as_text(), flush=True)
        if result.failure is not None:
            _say(result.failure)
    if result.failure is not None:
        raise typer.Exit(result.failure.code)


def _say(failure: Failure) -> None:
    """What went wrong, on stderr like every error."""
    print(f"error: {failure.message}\n  {failure.hint}", file=sys.stderr, flush=True)


def _refuse_several() -> None:
    """Raise `ConfigError` where this is one of several processes: they would write the same files."""
    from efnn_cli.errors import ConfigError, Echo

    place = launch.place()
    if place.rank > 0:
        raise Echo(ConfigError.code)
    if place.size > 1:
        raise ConfigError(
            f"only train works as several processes, found WORLD_SIZE={place.size}",
            "start this command without torchrun; otherwise unset WORLD_SIZE",
        )
