"""`efnn predict RUN --spins FILE`: energies of configurations without labels."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from efnn_cli import device
from efnn_cli.commands.evaluate import PREDICTIONS, refuse_existing
from efnn_cli.config import Request, compose
from efnn_cli.console import Console
from efnn_cli.errors import NumericalError
from efnn_cli.loading import load
from efnn_cli.results import Result, number, shown
from efnn_cli.schema import typed
from efnn_cli.settings import PredictConfig
from efnn_cli.storage import atomic, hdf5
from efnn_cli.storage.spins_file import read_spins


def run(
    request: Request, console: Console, *, run: Path, spins: Path, out: Path | None = None, overwrite: bool = False
) -> Result:
    """Energies of the configurations in `spins`, written to `out` or into the run folder."""
    config = typed(PredictConfig, compose("predict", request).values)
    device.resolve(config.device)
    refuse_existing(out, overwrite)
    network = load(run, config.device)
    configurations = read_spins(spins)
    energies = network.predict(configurations)
    if not np.isfinite(energies).all():
        raise NumericalError("a predicted energy is not finite")
    content = hashlib.sha256(configurations.tobytes()).hexdigest()
    path = out or network.path / f"predictions-{content[:8]}.h5"
    atomic.make_folder(path.parent)
    metadata = {**PREDICTIONS, "runs": [shown(network.path)], "spins": shown(spins), "spins_sha256": content}
    hdf5.write(path, {"energies": energies}, metadata)
    metrics = {"samples": len(energies), "mean": float(energies.mean()), "std": float(energies.std())}
    rows = [[key, number(value)] for key, value in metrics.items()]
    return Result("predict", metrics, {"energies": shown(path)}, rows=rows)
