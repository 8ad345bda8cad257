"""`efnn bench labels`, `train`, `predict` and `sample`: our way against the straightforward one."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from efnn_cli.cli.execution import command
from efnn_cli.cli.help import Group
from efnn_cli.cli.options import Device, RunAndOverrides
from efnn_cli.cli.parsing import Command, request_of, split_one, whole_numbers

if TYPE_CHECKING:
    from efnn_cli.core.console import Console
    from efnn_cli.core.results import Result

LOGGER = logging.getLogger("efnn")

bench = typer.Typer(
    help="Compare the speed of efnn with a plain implementation, in one run.",
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


@bench.command("sample", cls=Command)
@command
def bench_sample(
    console: Console,
    arguments: RunAndOverrides = None,
    size: Annotated[str, typer.Option("--L", metavar="N[,N...]", help="Sizes.")] = "10,20",
    sweeps: Annotated[
        int, typer.Option("--sweeps", metavar="N", help="Sweeps of local moves on the network, in every chain.")
    ] = 200,
    direct: Annotated[
        int, typer.Option("--direct", metavar="N", help="Sweeps with diagonalisation at the first size; 0: none.")
    ] = 200,
    proposals: Annotated[int, typer.Option("--proposals", metavar="N", help="Proposals of every chain.")] = 50,
) -> Result:
    """Monte Carlo with a network against Metropolis with diagonalisation: effective samples per second of one core.

    Example: efnn bench sample outputs/RUN --L 10 system.T=0.05
    """
    from efnn_cli.benchmarks.results import report_of
    from efnn_cli.config.compose import compose
    from efnn_cli.runs.loading import load
    from efnn_cli.simulation import benchmark, settings

    run, overrides = split_one(
        arguments, "RUN", "a run folder, or a checkpoint file in it", "bench sample outputs/RUN --L 10"
    )
    network = load(Path(run), "cpu")
    rows = []
    for index, each in enumerate(whole_numbers("--L", size)):
        options = {"system.L": str(each), "chains": "8", "device": "cpu"}
        plan = settings.plan(settings.keys_of(compose("sample", request_of(overrides, options))), network)
        effort = benchmark.Effort(sweeps, direct if index == 0 else 0, 2, proposals)
        rows += benchmark.measure(plan, effort, LOGGER.info)
    return report_of(rows)
