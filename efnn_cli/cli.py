"""The command line: `efnn COMMAND ...`. Heavy modules are imported by the command that needs them.

`main` is the one place where errors end: failures.py turns them into text and exit codes.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from efnn_cli.arguments import (
    SYSTEM_NAMES,
    ConfigDir,
    Debug,
    Device,
    DryRun,
    Json,
    Out,
    Overrides,
    Overwrite,
    Quiet,
    ReferenceSamples,
    RunAndOverrides,
    RunsAndOverrides,
    Seed,
    Sizes,
    TestData,
    Verbose,
    Workers,
    print_version,
    request_of,
    split_one,
    split_runs,
    whole_numbers,
)
from efnn_cli.cli_bench import bench
from efnn_cli.cli_compare import compare
from efnn_cli.cli_labelling import generate, merge
from efnn_cli.cli_reproduce import reproduce
from efnn_cli.cli_runs import plot, runs
from efnn_cli.cli_train import train
from efnn_cli.completion import complete_configured, complete_file_or_run
from efnn_cli.errors import Interrupted
from efnn_cli.execution import execute
from efnn_cli.failures import as_efnn_error, drop_stdout, report_error

if TYPE_CHECKING:
    from efnn_cli.console import Console
    from efnn_cli.results import Result

app = typer.Typer(
    name="efnn",
    help="Effective Field Neural Networks for many-body energies (arXiv:2502.17665).",
    epilog="Start with: efnn generate heisenberg --L 10; efnn train model=efnn depth=3; efnn extrapolate --L 40",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


app.command()(generate)
app.command()(train)


@app.command()
def evaluate(
    arguments: RunsAndOverrides = None,
    data: TestData = None,
    device: Device = None,
    out: Out = None,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Errors of trained networks on a dataset; several runs are an ensemble.

    Example: efnn evaluate split=val
    """

    def action(console: Console) -> Result:
        from efnn_cli.commands.evaluate import run

        runs, overrides = split_runs(arguments)
        request = request_of(overrides, {"device": device})
        return run(request, console, runs=runs, data=data, out=out, overwrite=overwrite)

    execute(action, json=json, quiet=quiet, verbose=verbose)


@app.command()
def extrapolate(
    arguments: RunsAndOverrides = None,
    size: Sizes = None,
    samples: ReferenceSamples = None,
    seed: Seed = None,
    device: Device = None,
    workers: Workers = None,
    out: Out = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Carry a lattice network to other sizes without retraining, against exact references.

    Example: efnn extrapolate --L 20,30,40
    """

    def action(console: Console) -> Result:
        from efnn_cli.commands.extrapolate import run

        runs, overrides = split_runs(arguments)
        sizes = None if size is None else whole_numbers("--L", size)
        options = {"L": sizes, "samples": samples, "seed": seed, "device": device, "workers": workers}
        return run(request_of(overrides, options), console, runs=runs, out=out, overwrite=overwrite, dry_run=dry_run)

    execute(action, json=json, quiet=quiet, verbose=verbose)


@app.command()
def predict(
    spins: Annotated[Path, typer.Option("--spins", help="Configurations (HDF5 /spins, or .npy).")],
    arguments: RunAndOverrides = None,
    device: Device = None,
    out: Out = None,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Energies of configurations without labels.

    Example: efnn predict outputs/RUN --spins mine.npy
    """

    def action(console: Console) -> Result:
        from efnn_cli.commands.predict import run

        path, overrides = split_one(arguments, "RUN", "a run folder, or a checkpoint file in it")
        request = request_of(overrides, {"device": device})
        return run(request, console, run=Path(path), spins=spins, out=out, overwrite=overwrite)

    execute(action, json=json, quiet=quiet, verbose=verbose)


@app.command()
def inspect(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE-or-RUN",
            help="Dataset, checkpoint, predictions or run.",
            autocompletion=complete_file_or_run,
        ),
    ],
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """What is in a dataset, a checkpoint, predictions or a run, its checksum verified."""

    def action(console: Console) -> Result:
        from efnn_cli.commands.inspect import run

        return run(console, path=path)

    execute(action, json=json, quiet=quiet, verbose=verbose)


@app.command()
def config(
    command: Annotated[
        str, typer.Argument(metavar="[COMMAND]", help="Whose configuration.", autocompletion=complete_configured)
    ] = "train",
    overrides: Overrides = None,
    config_dir: ConfigDir = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Show the composed configuration of a command.

    Example: efnn config train system=double_exchange model=efnn
    """

    def action(console: Console) -> Result:
        from efnn_cli.commands.config import run

        typed = list(overrides or ())
        name = command
        if "=" in command:  # only settings were given
            typed, name = [command, *typed], "train"
        if name == "generate" and any("=" not in text for text in typed):
            system, typed = split_one(typed, "SYSTEM", SYSTEM_NAMES)
            typed.append(f"system={system}")
        return run(request_of(typed, {}, config_dir), console, command=name)

    execute(action, json=json, quiet=quiet, verbose=verbose)


app.add_typer(bench, name="bench")
app.command()(compare)
app.command()(merge)
app.command()(reproduce)
app.command()(runs)
app.command()(plot)


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", is_eager=True, callback=print_version)
    ] = False,
) -> None:
    """Reached before every command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point: run one command; returns the exit code."""
    args = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app(args or ["--help"], standalone_mode=False)
        return (code or 0) if args else 2  # a bare `efnn` is a usage error that shows the help
    except BrokenPipeError:
        drop_stdout()
        return 141
    except (Exception, Interrupted) as error:
        if "--debug" in args:
            traceback.print_exception(error)
        failure = as_efnn_error(error, args)
        code = report_error(failure, args)
        if isinstance(error, OSError):
            drop_stdout()
        return code
