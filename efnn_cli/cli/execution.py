"""Run one command: its console, its result on stdout, and the options that every command has."""

from __future__ import annotations

import functools
import inspect
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from efnn_cli.cli.options import Debug, Json, Quiet, Verbose
from efnn_cli.core import ranks
from efnn_cli.core.failures import drop_stdout
from efnn_cli.core.text import at_home, printable

if TYPE_CHECKING:
    from efnn_cli.core.console import Console
    from efnn_cli.core.results import Failure, Result

SHARED = {"json": Json, "quiet": Quiet, "verbose": Verbose, "debug": Debug}


def command(ask: Callable[..., Result], *, together: bool = False) -> Callable[..., None]:
    """Return a Typer command of `ask`, which takes a console and its own options and returns the result.

    The options in `SHARED` are added; `ask` receives one of them only where it names it. `together` as in `execute`.
    """
    # Names for type checkers alone: help must not import them.
    signature = inspect.signature(ask, eval_str=True, locals={"Console": object, "Result": object})
    own = list(signature.parameters.values())[1:]
    names = [each.name for each in own]
    parameters = own + [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=False, annotation=annotation)
        for name, annotation in SHARED.items()
        if name not in names
    ]

    @functools.wraps(ask)
    def run(**given: Any) -> None:
        chosen = {name: _at_home(given[name]) for name in names}
        execute(
            lambda console: ask(console, **chosen),
            json=given["json"],
            quiet=given["quiet"],
            verbose=given["verbose"],
            together=together,
        )

    run.__annotations__ = {each.name: each.annotation for each in parameters}
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run


def _at_home(value: Any) -> Any:
    """Return a path, or each of a list of words or paths, with `~` replaced; any other value unchanged."""
    if isinstance(value, list):
        return [type(each)(at_home(str(each))) for each in value]
    return Path(at_home(str(value))) if isinstance(value, Path) else value


def execute(
    action: Callable[[Console], Result], *, json: bool, quiet: bool, verbose: bool, together: bool = False
) -> None:
    """Run one command and print its result on stdout; raises `typer.Exit` where a part of the work has failed.

    Started as several processes, only a command that works `together` is run, and the first process speaks for all.
    """
    from efnn_cli.core.console import Console

    if not together:
        _refuse_several()
    console = Console(quiet=quiet, verbose=verbose, silent=not ranks.is_main())
    if not json:
        console.show_loading()
    try:
        result = action(console)
    finally:
        console.begin()
    if ranks.is_main():
        _print_result(result.as_json(console.warnings) if json else result.as_text())
        if result.failure is not None:
            _print_failure(result.failure)
    if result.failure is not None:
        raise typer.Exit(result.failure.code)


def _print_result(text: str) -> None:
    """Print the result; raise `typer.Exit` where the reader of stdout has gone, for example `head`."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        drop_stdout()
        raise typer.Exit(128 + signal.SIGPIPE) from None


def _print_failure(failure: Failure) -> None:
    """Print why a part of the work failed, on stderr like every error."""
    print(f"error: {printable(failure.message)}\n  {printable(failure.hint)}", file=sys.stderr, flush=True)


def _refuse_several() -> None:
    """Raise `ConfigError` where this is one of several processes: they would write the same files."""
    from efnn_cli.core.errors import ConfigError, Echo

    process = ranks.process()
    if process.rank > 0:
        raise Echo(ConfigError.code)
    if process.world_size > 1:
        raise ConfigError(
            f"only train works as several processes, found WORLD_SIZE={process.world_size}",
            "start this command without torchrun; otherwise unset WORLD_SIZE",
        )
