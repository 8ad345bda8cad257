"""`efnn predict RUN --spins FILE`: energies of configurations without labels."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import numpy as np

from efnn_cli.config.compose import Request, compose
from efnn_cli.config.schema import typed
from efnn_cli.core import device
from efnn_cli.core.console import Console
from efnn_cli.core.errors import NumericalError
from efnn_cli.core.results import Result, number, shown
from efnn_cli.core.signals import StopRequest
from efnn_cli.core.text import printable
from efnn_cli.datasets.idle import refuse_idle_normalise
from efnn_cli.evaluation.settings import PredictConfig
from efnn_cli.runs.loading import load
from efnn_cli.storage import atomic, output, predictions
from efnn_cli.storage.spins_file import read_spins

LOGGER = logging.getLogger("efnn")


def run(
    request: Request,
    console: Console,
    *,
    run: Path,
    spins: Path,
    normalise: bool = False,
    out: Path | None = None,
    overwrite: bool = False,
) -> Result:
    """Energies of the configurations in `spins`, written to `out` or into the run folder."""
    config = typed(PredictConfig, compose("predict", request).values)
    target = device.resolve(config.device)
    output.claim_hdf5(out, overwrite)
    with StopRequest("nothing was written; the same command starts again") as stop:
        network = load(run, config.device)
        output.refuse_inputs(out, [spins, network.path])
        refuse_idle_normalise(network.system, normalise=normalise)
        configurations = read_spins(spins, normalise=normalise)
        network.system_for(configurations).check_spins(configurations, str(spins))
        content = hashlib.sha256(configurations.tobytes()).hexdigest()
        which = "" if network.weights == "best" else f"{network.weights}-"
        path = out or network.path / f"predictions-{which}{content[:8]}.h5"
        atomic.prove_writable(path.parent)
        LOGGER.info("predicting on %s", device.describe(target))
        energies = network.predict(configurations, stop.check)
        stop.check()
    if not np.isfinite(energies).all():
        raise NumericalError("a predicted energy is not finite")
    atomic.make_folder(path.parent)
    told = {"runs": [printable(shown(network.path))], "weights": [network.weights], "spins": printable(shown(spins))}
    predictions.write(path, {"energies": energies}, {**told, "spins_sha256": content})
    metrics = {"samples": len(energies), "mean": float(energies.mean()), "std": float(energies.std())}
    rows = [[key, number(value)] for key, value in metrics.items()]
    return Result("predict", metrics, {"energies": shown(path)}, rows=rows)
