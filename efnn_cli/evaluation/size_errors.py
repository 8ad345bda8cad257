"""Errors of a network, or of an ensemble, at one size of the lattice, and its time against the reference."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch

from efnn_cli.core.size import Size, sides
from efnn_cli.datasets.executors import one_thread_each
from efnn_cli.evaluation.calibration import Calibration, calibrate
from efnn_cli.evaluation.coverage import USUAL, coverage_of
from efnn_cli.evaluation.evaluation_set import field_errors, predictions
from efnn_cli.evaluation.temperatures import errors_by_temperature
from efnn_cli.physics.system import Array, size_of_spins
from efnn_cli.runs.folder import name_of
from efnn_cli.runs.loading import Run
from efnn_cli.runs.trust import outside
from efnn_cli.storage.dataset import Dataset
from efnn_cli.training.intervals import Intervals
from efnn_cli.training.metrics import Metrics, measure
from efnn_cli.training.predict import predict

TIMING_REPEATS = 3


@dataclass(frozen=True)
class Ensemble:
    """Errors and spread of the members of an ensemble at one size."""

    names: list[str]
    """Names of the runs."""
    members: list[Metrics]
    """Errors of every member."""
    calibration: Calibration
    spread_per_site: float
    """Root mean square over configurations of the members' standard deviation, divided by the number of sites."""


@dataclass(frozen=True)
class SizeErrors:
    """Errors at one size, and seconds per configuration of network and reference."""

    L: int | str
    samples: int
    rmse: float
    relative_error: float | None
    rmse_over_std: float | None
    rmse_per_site: float
    bias_per_site: float
    seconds_per_configuration: float
    reference_seconds_per_configuration: float | None
    """None for imported energies, as the speed-up."""
    speedup: float | None
    reference: str
    field_rmse: float | None = None
    """None for references without fields, as the next one."""
    field_relative_error: float | None = None
    coverage_wanted: float | None = None
    """None without error bars, as the next two."""
    coverage_reached: float | None = None
    half_width: float | None = None
    """Mean over the configurations."""
    outside: float | None = None
    """Share of configurations outside the domain of the network."""
    ensemble: Ensemble | None = None
    """None for a single network."""
    temperatures: list[dict[str, Any]] | None = None
    """Errors by spin temperature, of references with several."""

    @property
    def sites(self) -> int:
        """Number of sites."""
        return math.prod(sides(self.L))

    def ratios(self) -> dict[str, float | None]:
        """Return RMSE / std(E) of the mean and of every member, by a text for warnings."""
        ratios = {f"at L = {self.L}": self.rmse_over_std}
        if self.ensemble is not None:
            for name, each in zip(self.ensemble.names, self.ensemble.members, strict=True):
                ratios[f"at L = {self.L} for {name}"] = each.rmse_over_std
        return ratios

    def as_json(self) -> dict[str, Any]:
        """Return every figure by name; those of an ensemble only where there is one."""
        row = {name: getattr(self, name) for name in FIGURES if name not in LATER or getattr(self, name) is not None}
        if row.pop("coverage_wanted", None) is not None:
            bars = {"wanted": self.coverage_wanted, "reached": row.pop("coverage_reached")}
            row["coverage"] = bars | {"half_width": row.pop("half_width")}
        if self.temperatures is not None:
            row["temperatures"] = self.temperatures
        if self.ensemble is None:
            return row
        members = [_per_site(each, self.sites) for each in self.ensemble.members]
        calibration = asdict(self.ensemble.calibration)
        return row | {
            "spread_per_site": self.ensemble.spread_per_site,
            "calibration": calibration,
            "members": members,
        }

    def as_cells(self) -> dict[str, Any]:
        """Return every figure by name, for a table; None where there is no ensemble."""
        row: dict[str, Any] = {name: getattr(self, name) for name in FIGURES}
        if self.ensemble is None:
            return row | dict.fromkeys(ENSEMBLE_FIGURES)
        return row | {"spread_per_site": self.ensemble.spread_per_site, **asdict(self.ensemble.calibration)}


FIGURES = tuple(each.name for each in fields(SizeErrors) if each.name not in ("ensemble", "temperatures"))
TRUST = ("coverage_wanted", "coverage_reached", "half_width", "outside")
LATER = ("field_rmse", "field_relative_error", *TRUST)  # figures that older tables do not have, and that may be missing
ENSEMBLE_FIGURES = ("spread_per_site", *(each.name for each in fields(Calibration)))


def _per_site(metrics: Metrics, sites: int) -> dict[str, float | None]:
    """Return the figures of a member, named like those of the mean."""
    return {**metrics.brief(), "rmse_per_site": metrics.rmse / sites, "bias_per_site": metrics.bias / sites}


def errors_at_size(
    members: Sequence[Run], bars: Intervals | None, data: Dataset, check_stop: Callable[[], None]
) -> SizeErrors:
    """Return errors and times of the mean prediction of `members` on a reference dataset; `check_stop` may raise.

    `bars` are the error bars of the network or of the ensemble.
    """
    size = size_of_spins(data.spins)
    sites = math.prod(data.spins.shape[-2:])
    predicted = predictions(members, data.spins, check_stop)
    metrics = measure(predicted.mean(axis=0), data.energies)
    of_fields = {} if data.fields is None else field_errors(members, data.spins, data.fields, check_stop)[0].brief()
    bins = None
    if data.temperatures is not None:
        bins = errors_by_temperature(predicted.mean(axis=0), data.energies, data.temperatures)
    seconds = seconds_per_configuration(members, data.spins, check_stop)
    reference = data.metadata["reference"]
    theirs = reference["seconds_per_configuration"]
    return SizeErrors(
        L=size,
        samples=metrics.samples,
        rmse=metrics.rmse,
        relative_error=metrics.relative_error,
        rmse_over_std=metrics.rmse_over_std,
        rmse_per_site=metrics.rmse / sites,
        bias_per_site=metrics.bias / sites,
        seconds_per_configuration=seconds,
        reference_seconds_per_configuration=theirs,
        speedup=None if theirs is None else theirs / seconds,
        reference=reference["method"],
        ensemble=None if len(members) == 1 else ensemble_errors(members, predicted, data.energies, sites),
        temperatures=bins,
        **_trust(members, bars, data, predicted.mean(axis=0) - data.energies, size),
        **of_fields,
    )


def _trust(
    members: Sequence[Run], bars: Intervals | None, data: Dataset, errors: Array, size: Size
) -> dict[str, float | None]:
    """Return coverage and domain by the names of `SizeErrors`."""
    found = outside(members, data.spins, f" at L = {size}")
    known = coverage_of(members, bars, data.spins, errors, USUAL, asked=False)
    figures = (None,) * 3 if known is None else (known["wanted"], known["reached"], known["half_width"])
    return dict(zip(TRUST, (*figures, None if found is None else found["share"]), strict=True))


def ensemble_errors(runs: Sequence[Run], predicted: Array, true: Array, sites: int) -> Ensemble:
    """Return errors and spread of the members from their energies (members, B) and the true ones (B,)."""
    found = calibrate(predicted, true)
    names = [name_of(run.file) for run in runs]
    return Ensemble(names, [measure(each, true) for each in predicted], found, found.rms_spread / sites)


def seconds_per_configuration(members: Sequence[Run], spins: Array, check_stop: Callable[[], None]) -> float:
    """Return the median time of predictions, summed over the ensemble; on a CPU on one core, like the reference.

    `check_stop` is called before every batch and may raise.
    """
    times = []
    with one_thread_each(torch.device("cpu")):
        for _ in range(TIMING_REPEATS + 1):  # the first one warms up
            start = time.perf_counter()
            for member in members:
                predict(member.model, spins, member.device, check_stop)
            times.append(time.perf_counter() - start)
    return statistics.median(times[1:]) / len(spins)
