"""Running one command: its console, its result on stdout."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from efnn_cli.console import Console
    from efnn_cli.results import Result


def execute(action: Callable[[Console], Result], *, json: bool, quiet: bool, verbose: bool) -> None:
    """Run one command and print its result on stdout."""
    from efnn_cli.console import Console

    console = Console(quiet=quiet, verbose=verbose)
    result = action(console)
    print(result.as_json(console.warnings) if json else result.as_text(), flush=True)
