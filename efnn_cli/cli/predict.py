"""`efnn predict RUN --spins FILE`: energies of configurations without labels."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from efnn_cli.cli.execution import command
from efnn_cli.cli.options import Coverage, Device, Normalise, OutFile, Overwrite, RunAndOverrides, path_option
from efnn_cli.cli.parsing import request_of, split_one

if TYPE_CHECKING:
    from efnn_cli.core.console import Console
    from efnn_cli.core.errors import ConfigError
    from efnn_cli.core.results import Result

LOGGER = logging.getLogger("efnn")


@command
def predict(
    console: Console,
    arguments: RunAndOverrides = None,
    spins: Annotated[
        Optional[Path], path_option("--spins", help="Configurations (HDF5 /spins, .npy or .npz); needed.")
    ] = None,
    fields: Annotated[bool, typer.Option("--fields", help="Also fields -dE/dS, unprojected.")] = False,
    coverage: Coverage = None,
    normalise: Normalise = False,
    device: Device = None,
    out: OutFile = None,
    overwrite: Overwrite = False,
) -> Result:
    """Energies of configurations without labels.

    Example: efnn predict outputs/RUN --spins mine.npy
    """
    from efnn_cli.config.compose import compose
    from efnn_cli.config.options import PredictKeys
    from efnn_cli.config.schema import typed
    from efnn_cli.core.device import describe, resolve
    from efnn_cli.core.signals import StopRequest
    from efnn_cli.datasets.settings import refuse_normalise_without_effect
    from efnn_cli.evaluation import predicting
    from efnn_cli.evaluation.coverage import check_coverage
    from efnn_cli.runs.loading import load
    from efnn_cli.storage import atomic, output
    from efnn_cli.storage.spins_file import read_spins

    if spins is None:
        raise without_spins(arguments or ())
    run, overrides = split_one(
        arguments, "RUN", "a run folder, or a checkpoint file in it", "predict outputs/RUN --spins mine.npy"
    )
    config = typed(PredictKeys, compose("predict", request_of(overrides, {"device": device})).values)
    check_coverage(coverage)
    target = resolve(config.device)
    output.claim_hdf5(out, overwrite)
    with StopRequest("nothing was written; the same command starts again") as stop:
        network = load(Path(run), config.device)
        output.refuse_inputs(out, [spins, network.path])
        refuse_normalise_without_effect(network.system, normalise=normalise)
        configurations = read_spins(spins, normalise=normalise)
        network.system_for(configurations).check_spins(configurations, str(spins))
        path = out or predicting.default_path(network, configurations, fields=fields, coverage=coverage)
        atomic.prove_writable(path.parent)
        LOGGER.info("predicting on %s", describe(target))
        energies = network.predict(configurations, stop.check)
        slopes = network.fields(configurations, stop.check) if fields else None
        stop.check()
    trusted = predicting.trusted(network, configurations, coverage)
    predicting.write(
        path, energies, network, configurations, spins, {"fields": slopes, "half_widths": trusted.half_widths}
    )
    return predicting.report(energies, path, trusted)


def without_spins(arguments: Sequence[str]) -> ConfigError:
    """Return the error of a command line without --spins; a file among its words may be meant."""
    from efnn_cli.core.errors import ConfigError

    words = [text for text in arguments if "=" not in text]
    file = next((text for text in words[1:] if Path(text).is_file()), None)
    run = words[0] if words else "outputs/RUN"
    hint = f"--spins {file}" if file else f"efnn predict {run} --spins mine.npy"
    return ConfigError("wanted --spins FILE, the configurations to predict", hint)
