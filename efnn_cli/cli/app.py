"""The command line: `efnn COMMAND ...`. Heavy modules are imported by the command that needs them.

`main` is the one place where errors end: failures.py turns them into text and exit codes.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from efnn_cli.cli.bench import bench
from efnn_cli.cli.compare import compare
from efnn_cli.cli.config import config
from efnn_cli.cli.evaluate import evaluate
from efnn_cli.cli.export import export
from efnn_cli.cli.extrapolate import extrapolate
from efnn_cli.cli.generate import generate
from efnn_cli.cli.help import Group
from efnn_cli.cli.import_ import import_
from efnn_cli.cli.inspect import inspect
from efnn_cli.cli.learn import learn
from efnn_cli.cli.merge import merge
from efnn_cli.cli.parsing import Command
from efnn_cli.cli.plot import plot
from efnn_cli.cli.predict import predict
from efnn_cli.cli.relabel import relabel
from efnn_cli.cli.reproduce import reproduce
from efnn_cli.cli.runs import runs
from efnn_cli.cli.sample import sample
from efnn_cli.cli.train import train
from efnn_cli.core.errors import Interrupted
from efnn_cli.core.failures import as_efnn_error, drop_stdout, report_error

app = typer.Typer(
    name="efnn",
    help="Effective Field Neural Networks for many-body energies (arXiv:2502.17665).",
    epilog="Start with: efnn generate heisenberg --L 10; efnn train model=efnn depth=3; efnn extrapolate --L 40",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    cls=Group,
)

SECTIONS = {
    "Data": (generate, import_, relabel, merge),
    "Training": (train,),
    "Errors": (evaluate, extrapolate, predict, export),
    "Simulation": (sample, learn),
    "Studies": (compare, reproduce),
    "Runs and figures": (runs, inspect, plot, config),
}
NAMES = ("bench", *(each.__name__.rstrip("_") for commands in SECTIONS.values() for each in commands))
for section, commands in SECTIONS.items():
    for each in commands:
        app.command(each.__name__.rstrip("_"), cls=Command, rich_help_panel=section)(each)
app.add_typer(bench, name="bench", rich_help_panel="Studies")


def print_version(wanted: bool) -> None:
    """Print the version of the package and end."""
    from importlib.metadata import version

    if wanted:
        typer.echo(f"efnn {version('efnn')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", is_eager=True, callback=print_version)
    ] = False,
) -> None:
    """Accept the options that stand before a command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: the entry point of `efnn`."""
    args = list(sys.argv[1:] if arguments is None else arguments)
    bare = args in ([], ["bench"])  # a usage error that shows the help
    try:
        code = app([*args, "--help"] if bare else args, standalone_mode=False)
        return 2 if bare else (code or 0)
    except (Exception, Interrupted) as error:
        if "--debug" in args:
            traceback.print_exception(error)
        command = next((each for each in args if each in NAMES), "")
        code = report_error(as_efnn_error(error, command), command, as_json="--json" in args)
        if isinstance(error, OSError):
            drop_stdout()
        return code
