"""`efnn merge SYSTEM` or `efnn merge RUN`: join the shards of a job array to their dataset, or to their samples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from efnn_cli.cli.execution import command
from efnn_cli.cli.options import SYSTEM_NAMES, ConfigDir, Normalise, OutFile, Seed, SystemAndOverrides, path_option
from efnn_cli.cli.parsing import request_of, split_one

if TYPE_CHECKING:
    from efnn_cli.config.words import Request
    from efnn_cli.core.console import Console
    from efnn_cli.core.results import Result


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
    """Join the shards of a job array; the arguments are those of its efnn generate, or of its efnn sample.

    Example: efnn merge double_exchange --L 10

    With a run in place of SYSTEM it joins chains: efnn merge outputs/RUN chains=64 proposals=500.
    """
    from efnn_cli.core.signals import StopRequest
    from efnn_cli.datasets import labelling, planning, results

    system, overrides = split_one(arguments, "SYSTEM", SYSTEM_NAMES, "merge heisenberg --L 10")
    if is_run(Path(system)):
        refuse_without_effect(samples=samples, spins=spins, normalise=normalise)
        options = {"system.L": size, "seed": seed, "device": device}
        return merge_chains(Path(system), request_of(overrides, options, config_dir), out)
    options = {"system.L": size, "samples": samples, "seed": seed, "device": device}
    request = request_of([f"system={system}", *overrides], options, config_dir)
    plan = planning.plan_dataset(request, spins, out, normalise=normalise)
    jobs = results.possible_jobs(plan)
    planning.require_free_path(plan, overwrite=False)
    with StopRequest("the same command begins again") as stop:
        data, existed = labelling.merge_parts(jobs, plan.path, stop.check)
    return results.report(data, plan.path, existed=existed, command="merge")


def merge_chains(run: Path, request: Request, out: Path | None) -> Result:
    """Join the chains of a job array of `efnn sample`; the device of its parts need not be on this machine."""
    from efnn_cli.config.compose import compose
    from efnn_cli.core.signals import StopRequest
    from efnn_cli.runs.loading import load
    from efnn_cli.simulation import results, sampling, settings

    keys, network = settings.keys_of(compose("sample", request)), load(run, "cpu")
    plans = [settings.plan(keys, network, out, kind) for kind in settings.GROUP]
    plan = next((each for each in plans if sampling.begun(each)), plans[0])
    with StopRequest("the same command begins again") as stop:
        samples, _ = sampling.merge(plan, stop.check)
    return results.report(plan, samples)


def is_run(path: Path) -> bool:
    """Return True for a run folder, or a checkpoint file."""
    from efnn_cli.runs.folder import by_name

    path = by_name(path)
    return (path / "best.h5").is_file() or (path.is_file() and path.suffix == ".h5")


def refuse_without_effect(**given: object) -> None:
    """Raise `ConfigError` for an option that chains do not take."""
    from efnn_cli.core.errors import ConfigError

    for name, value in given.items():
        if value:
            raise ConfigError(f"--{name} has no effect on chains", f"leave --{name} out")
