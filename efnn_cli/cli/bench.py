"""`efnn bench labels`, `train` and `predict`: our way against the straightforward one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from efnn_cli.cli.execution import command
from efnn_cli.cli.help import Group
from efnn_cli.cli.options import Device
from efnn_cli.cli.parsing import Command, whole_numbers

if TYPE_CHECKING:
    from efnn_cli.core.console import Console
    from efnn_cli.core.results import Result

bench = typer.Typer(
    help="Measure our way against the straightforward one, in one run.",
    no_args_is_help=True,
    rich_markup_mode=None,
    cls=Group,
)


@bench.command("labels", cls=Command)
@command
def bench_labels(
    console: Console,
    size: Annotated[str, typer.Option("--L", metavar="N[,N...]", help="Sizes.")] = "10,20,30,40",
    repeats: Annotated[
        int, typer.Option("--repeats", metavar="N", help="Repeats up to L = 20; medians are shown.")
    ] = 3,
) -> Result:
    """Seconds per configuration of double-exchange labels against L."""
    from efnn_cli.benchmarks.results import run_labels

    return run_labels(sizes=whole_numbers("--L", size), repeats=repeats)


@bench.command("train", cls=Command)
@command
def bench_train(
    console: Console,
    width: Annotated[str, typer.Option("--width", metavar="C[,C...]", help="Channels.")] = "3",
    samples: Annotated[
        Optional[int],
        typer.Option("--samples", metavar="N", help="Configurations an epoch (default: 4000, on CUDA 40 000)."),
    ] = None,
    repeats: Annotated[int, typer.Option("--repeats", metavar="N", help="Epochs in turns; medians are shown.")] = 5,
    device: Device = None,
) -> Result:
    """Training of the published lattice EFNN at L = 10, batch 1000: samples per second."""
    from efnn_cli.benchmarks.results import run_train

    widths = whole_numbers("--width", width)
    return run_train(widths=widths, samples=samples, repeats=repeats, device_name=device or "auto")


@bench.command("predict", cls=Command)
@command
def bench_predict(
    console: Console,
    size: Annotated[str, typer.Option("--L", metavar="N[,N...]", help="Sizes.")] = "40",
    width: Annotated[int, typer.Option("--width", metavar="C", help="Channels.")] = 3,
    samples: Annotated[int, typer.Option("--samples", metavar="N", help="Configurations in the batch.")] = 64,
    repeats: Annotated[int, typer.Option("--repeats", metavar="N", help="Batches in turns; medians are shown.")] = 5,
    device: Device = None,
) -> Result:
    """Prediction by the published lattice EFNN, also against dense diagonalisation: seconds per configuration."""
    from efnn_cli.benchmarks.results import run_predict

    sizes = whole_numbers("--L", size)
    return run_predict(sizes=sizes, width=width, samples=samples, repeats=repeats, device_name=device or "auto")
