"""`efnn generate SYSTEM`: draw spin configurations and label them with energies."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

from efnn_cli.cli.execution import command
from efnn_cli.cli.options import (
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
    path_option,
)
from efnn_cli.cli.parsing import request_of, split_one

if TYPE_CHECKING:
    from efnn_cli.core.console import Console
    from efnn_cli.core.results import Result
    from efnn_cli.datasets.job import Part

LOGGER = logging.getLogger("efnn")


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
    from efnn_cli.core.device import resolve
    from efnn_cli.core.signals import StopRequest
    from efnn_cli.datasets import planning, results
    from efnn_cli.storage.output import refuse_inputs

    options = {"system.L": size, "samples": samples, "seed": seed, "device": device, "workers": workers}
    system, overrides = split_one(arguments, "SYSTEM", SYSTEM_NAMES, "generate heisenberg --L 10")
    request = request_of([f"system={system}", *overrides], options, config_dir)
    part = part_of(shards, shard_index, overwrite=overwrite)
    plan = planning.plan_dataset(request, spins, out, normalise=normalise)
    target = resolve(plan.config.device)
    planning.require_free_path(plan, overwrite=overwrite)
    refuse_inputs(plan.path, [] if spins is None else [spins])
    if dry_run:
        return results.planned(plan, target)
    LOGGER.info(
        "labelling on %s, reference %s", plan.config.executor_on(target).describe(), plan.job(target.type).reference
    )
    if part is not None:
        return results.label_part(plan, target, part, console)
    with StopRequest(results.RESUME) as stop:
        data, existed = planning.obtain_dataset(plan, target, console, stop, overwrite=overwrite)
    return results.report(data, plan.path, existed=existed)


def part_of(shards: int | None, index: int | None, *, overwrite: bool) -> Part | None:
    """Return the share of a job array, None without one; raise `ConfigError` for options that do not go together."""
    from efnn_cli.core.errors import ConfigError
    from efnn_cli.datasets.job import Part

    if (shards is None) != (index is None):
        raise ConfigError("--shards and --shard-index belong together", "for example --shards 8 --shard-index 0")
    if shards is None or index is None:
        return None
    if overwrite:
        raise ConfigError(
            "--overwrite has no effect with --shards: parts only add shards", "efnn generate ... --overwrite alone"
        )
    return Part(shards, index)
