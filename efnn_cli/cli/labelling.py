"""The commands that label: `efnn generate` and `efnn merge`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from efnn_cli.cli.arguments import (
    SYSTEM_NAMES,
    ConfigDir,
    Device,
    DryRun,
    Normalise,
    OutFile,
    Overwrite,
    Samples,
    Seed,
    ShardIndex,
    Shards,
    Size,
    SystemAndOverrides,
    Workers,
    part_of,
    path_option,
    request_of,
    split_one,
)
from efnn_cli.cli.execution import command

if TYPE_CHECKING:
    from efnn_cli.core.console import Console
    from efnn_cli.core.results import Result


@command
def generate(
    console: Console,
    arguments: SystemAndOverrides = None,
    size: Size = None,
    samples: Samples = None,
    seed: Seed = None,
    spins: Annotated[
        Optional[Path], path_option("--spins", help="Label these configurations (HDF5 /spins, .npy or .npz).")
    ] = None,
    normalise: Normalise = False,
    device: Device = None,
    workers: Workers = None,
    out: OutFile = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    shards: Shards = None,
    shard_index: ShardIndex = None,
    config_dir: ConfigDir = None,
) -> Result:
    """Draw spin configurations of SYSTEM and label them with exact energies.

    Example: efnn generate double_exchange --L 10 --samples 20000 system.J=8
    """
    from efnn_cli.commands.generate import run

    options = {"system.L": size, "samples": samples, "seed": seed, "device": device, "workers": workers}
    system, overrides = split_one(arguments, "SYSTEM", SYSTEM_NAMES)
    request = request_of([f"system={system}", *overrides], options, config_dir)
    part = part_of(shards, shard_index)
    return run(
        request,
        console,
        spins=spins,
        normalise=normalise,
        out=out,
        overwrite=overwrite,
        dry_run=dry_run,
        part=part,
    )


@command
def merge(
    console: Console,
    arguments: SystemAndOverrides = None,
    size: Annotated[Optional[str], typer.Option("--L", metavar="N", help="As for generate.")] = None,
    samples: Annotated[Optional[str], typer.Option("--samples", metavar="N", help="As for generate.")] = None,
    seed: Seed = None,
    spins: Annotated[Optional[Path], path_option("--spins", help="As for generate.")] = None,
    normalise: Normalise = False,
    device: Annotated[
        Optional[str], typer.Option("--device", help="That of the parts; it need not be on this machine.")
    ] = None,
    out: OutFile = None,
    config_dir: ConfigDir = None,
) -> Result:
    """Join the shards of a job array; the arguments are those of its efnn generate.

    Example: efnn merge double_exchange --L 10
    """
    from efnn_cli.commands.merge import run

    system, overrides = split_one(arguments, "SYSTEM", SYSTEM_NAMES)
    options = {"system.L": size, "samples": samples, "seed": seed, "device": device}
    request = request_of([f"system={system}", *overrides], options, config_dir)
    return run(request, console, spins=spins, normalise=normalise, out=out)
