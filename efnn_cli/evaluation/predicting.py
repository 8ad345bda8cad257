"""Predicted energies of configurations without labels: where they go, their file and result."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from efnn_cli.core.errors import NumericalError
from efnn_cli.core.results import Result, shown
from efnn_cli.core.table import facts
from efnn_cli.core.text import printable
from efnn_cli.evaluation.coverage import half_widths, intervals
from efnn_cli.physics.system import Array
from efnn_cli.runs.loading import Run
from efnn_cli.runs.trust import outside
from efnn_cli.storage import atomic, predictions


@dataclass(frozen=True)
class Trusted:
    """Configurations outside the domain, and error bars where they are asked for."""

    metrics: dict[str, Any]
    half_widths: Array | None


def trusted(network: Run, configurations: Array, coverage: float | None) -> Trusted:
    """Return what is known of predictions for `configurations`; warns of those outside the domain."""
    metrics: dict[str, Any] = {"outside": outside([network], configurations)}
    widths = None
    if coverage is not None and (bars := intervals([network])) is not None:
        widths = half_widths([network], bars, configurations, coverage)
    if widths is not None:
        metrics["coverage"] = {"wanted": coverage, "reached": None, "half_width": float(widths.mean())}
    return Trusted({key: each for key, each in metrics.items() if each is not None}, widths)


def default_path(network: Run, configurations: Array, *, fields: bool = False, coverage: float | None = None) -> Path:
    """Return a file in the run folder, named by the configurations, what is predicted, and weights but the best."""
    weights = "" if network.weights == "best" else f"{network.weights}-"
    weights += "fields-" if fields else ""
    weights += "" if coverage is None else "bars-"
    return network.path / f"predictions-{weights}{_digest(configurations)[:8]}.h5"


def write(
    path: Path, energies: Array, network: Run, configurations: Array, source: Path, more: Mapping[str, Array | None]
) -> None:
    """Write energies (B,), and `more` arrays that are not None, of the configurations of the file `source`.

    Raises `NumericalError` unless all are finite.
    """
    arrays = {"energies": energies} | {name: each for name, each in more.items() if each is not None}
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


def report(energies: Array, path: Path, known: Trusted) -> Result:
    """Return the number, mean and standard deviation of the energies, and how far they can be trusted."""
    metrics = {"samples": len(energies), "mean": float(energies.mean()), "std": float(energies.std())}
    bars = known.metrics.get("coverage")
    shown_too = {} if bars is None else {"coverage": bars["wanted"], "half width": bars["half_width"]}
    return Result("predict", metrics | known.metrics, {"energies": shown(path)}, tables=[facts(metrics | shown_too)])


def _digest(configurations: Array) -> str:
    return hashlib.sha256(configurations.tobytes()).hexdigest()
