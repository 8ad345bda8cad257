"""`efnn evaluate`, `extrapolate` and `predict`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from efnn_cli.cli.arguments import (
    Device,
    DryRun,
    Normalise,
    OutFile,
    OutFolder,
    Overwrite,
    ReferenceSamples,
    RunAndOverrides,
    RunsAndOverrides,
    Seed,
    Sizes,
    TestData,
    Workers,
    path_option,
    request_of,
    split_one,
    split_runs,
    whole_numbers,
)
from efnn_cli.cli.execution import command

if TYPE_CHECKING:
    from efnn_cli.core.console import Console
    from efnn_cli.core.results import Result


@command
def evaluate(
    console: Console,
    arguments: RunsAndOverrides = None,
    data: TestData = None,
    device: Device = None,
    out: OutFile = None,
    overwrite: Overwrite = False,
) -> Result:
    """Errors of trained networks on a dataset; several runs are an ensemble.

    Example: efnn evaluate split=val
    """
    from efnn_cli.commands.evaluate import run

    runs, overrides = split_runs(arguments)
    request = request_of(overrides, {"device": device})
    return run(request, console, runs=runs, data=data, out=out, overwrite=overwrite)


@command
def extrapolate(
    console: Console,
    arguments: RunsAndOverrides = None,
    size: Sizes = None,
    samples: ReferenceSamples = None,
    seed: Seed = None,
    device: Device = None,
    workers: Workers = None,
    out: OutFolder = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
) -> Result:
    """Carry a lattice network to other sizes without retraining, against exact references.

    Example: efnn extrapolate --L 20,30,40
    """
    from efnn_cli.commands.extrapolate import run

    runs, overrides = split_runs(arguments)
    sizes = None if size is None else whole_numbers("--L", size)
    options = {"L": sizes, "samples": samples, "seed": seed, "device": device, "workers": workers}
    return run(request_of(overrides, options), console, runs=runs, out=out, overwrite=overwrite, dry_run=dry_run)


@command
def predict(
    console: Console,
    spins: Annotated[Path, path_option("--spins", help="Configurations (HDF5 /spins, .npy or .npz).")],
    arguments: RunAndOverrides = None,
    normalise: Normalise = False,
    device: Device = None,
    out: OutFile = None,
    overwrite: Overwrite = False,
) -> Result:
    """Energies of configurations without labels.

    Example: efnn predict outputs/RUN --spins mine.npy
    """
    from efnn_cli.commands.predict import run

    path, overrides = split_one(arguments, "RUN", "a run folder, or a checkpoint file in it")
    request = request_of(overrides, {"device": device})
    return run(request, console, run=Path(path), spins=spins, normalise=normalise, out=out, overwrite=overwrite)
