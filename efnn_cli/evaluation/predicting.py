"""Predicted energies of configurations without labels: where they go, their file and result."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from efnn_cli.core.errors import NumericalError
from efnn_cli.core.results import Result, shown
from efnn_cli.core.table import facts
from efnn_cli.core.text import printable
from efnn_cli.physics.system import Array
from efnn_cli.runs.loading import Run
from efnn_cli.storage import atomic, predictions


def default_path(network: Run, configurations: Array, *, fields: bool = False) -> Path:
    """Return a file in the run folder, named by the configurations, by fields and by weights other than the best."""
    weights = "" if network.weights == "best" else f"{network.weights}-"
    weights += "fields-" if fields else ""
    return network.path / f"predictions-{weights}{_digest(configurations)[:8]}.h5"


def write(
    path: Path, energies: Array, network: Run, configurations: Array, source: Path, fields: Array | None = None
) -> None:
    """Write energies (B,), and fields (B, ...) where asked for, of the configurations of the file `source`.

    Raises `NumericalError` unless all are finite.
    """
    arrays = {"energies": energies} | ({} if fields is None else {"fields": fields})
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise NumericalError(f"the predicted {name} are not finite")
    atomic.make_folder(path.parent)
    metadata = {
        "runs": [printable(shown(network.path))],
        "weights": [network.weights],
        "spins": printable(shown(source)),
        "spins_sha256": _digest(configurations),
    }
    predictions.write(path, arrays, metadata)


def report(energies: Array, path: Path) -> Result:
    """Return the number, mean and standard deviation of the energies."""
    metrics = {"samples": len(energies), "mean": float(energies.mean()), "std": float(energies.std())}
    return Result("predict", metrics, {"energies": shown(path)}, tables=[facts(metrics)])


def _digest(configurations: Array) -> str:
    return hashlib.sha256(configurations.tobytes()).hexdigest()
