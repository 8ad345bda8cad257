"""Results of `efnn extrapolate`: where they go, their figure, table and JSON."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from efnn_cli import figures
from efnn_cli.config.fingerprint import fingerprint
from efnn_cli.core.console import Console
from efnn_cli.core.errors import InputError
from efnn_cli.core.numbers import number
from efnn_cli.core.results import Result, shown
from efnn_cli.core.signals import StopRequest
from efnn_cli.core.size import length
from efnn_cli.core.table import Table, facts
from efnn_cli.datasets.planning import DatasetPlan
from efnn_cli.evaluation import extrapolation, temperatures
from efnn_cli.evaluation.calibration import LABELS
from efnn_cli.evaluation.compatibility import require_same_hamiltonian
from efnn_cli.evaluation.reference_datasets import label_references
from efnn_cli.evaluation.size_errors import SizeErrors
from efnn_cli.evaluation.size_table import Rows, SizeTable, curves, size_quantity, spreads
from efnn_cli.models import MODELS
from efnn_cli.physics.system import size_of_spins
from efnn_cli.runs.folder import EXTRAPOLATION, OUTPUTS
from efnn_cli.runs.loading import Run, weights_digest
from efnn_cli.storage import atomic
from efnn_cli.storage.dataset import Dataset
from efnn_cli.storage.output import claim_folder
from efnn_cli.training.metrics import MOSTLY, TRAIN_MORE, TRAIN_THERE, bias_text, error_text, share, warn_of_no_use

LOGGER = logging.getLogger("efnn")

MANY = 5  # standard errors by which coverage falls short before it is warned of

ENSEMBLE_SHOWN = (
    "spread_per_site",
    "member_rmse",
    "error_over_spread",
    "common_error",
    "bias_over_spread",
    "rank_correlation",
    "within_1_spread",
    "within_2_spreads",
)
"""Columns of an ensemble on the screen."""


def _error(quantity: str, value: float | None, row: SizeErrors) -> str:
    """Return an error of one size with its standard error in brackets."""
    return error_text(quantity, value, row.samples, share(row.bias_per_site, row.rmse_per_site))


SHOWN: dict[str, Callable[[SizeErrors], object]] = {
    "L": lambda row: row.L,
    "samples": lambda row: row.samples,
    "RMSE/site": lambda row: _error("rmse", row.rmse_per_site, row),
    "bias/site": lambda row: bias_text(row.rmse_per_site, row.bias_per_site, row.samples),
    "RMSE/std": lambda row: _error("rmse_over_std", row.rmse_over_std, row),
    "rel. error": lambda row: _error("relative_error", row.relative_error, row),
    "s/conf": lambda row: number(row.seconds_per_configuration, 2),
    "speedup": lambda row: number(row.speedup, 2),
}
"""Columns on the screen; the CSV and the JSON have all of them."""
OF_BARS: dict[str, Callable[[SizeErrors], object]] = {
    "half width/site": lambda row: number(None if row.half_width is None else row.half_width / row.sites, 2),
    "covered": lambda row: number(row.coverage_reached, 2),
}
"""More of them, for networks with error bars."""
OF_FIELDS: dict[str, Callable[[SizeErrors], object]] = {
    "field RMSE": lambda row: number(row.field_rmse, 3),
    "field error": lambda row: number(row.field_relative_error, 3),
}
"""More of them, for references with fields."""


def require_lattice(members: Sequence[Run]) -> None:
    """Raise `InputError` for networks that have no other size, or that belong to different Hamiltonians."""
    for member in members:
        if member.system.geometry != "lattice":
            raise InputError(
                f"{shown(member.path)} is a dense network of {member.system.size} spins: it fits no other size",
                "train on a lattice system, such as efnn generate heisenberg",
            )
        require_same_hamiltonian(member, members[0].system, shown(members[0].path))


def output_folder(members: Sequence[Run]) -> Path:
    """Return the run folder; for an ensemble a folder named by its members."""
    if len(members) == 1:
        return members[0].path
    tag = fingerprint({"members": sorted(member.config["hash"] for member in members)})
    return OUTPUTS / f"{members[0].system.name}-ensemble-{tag}"


def claim_table(members: Sequence[Run], out: Path | None, *, overwrite: bool) -> SizeTable:
    """Return the table of the results, in `out` or the run folder; raise where they could not be put there."""
    folder = out or output_folder(members)
    ours = out is None and all(member.weights == "best" for member in members)  # whose results belong to the run
    table = SizeTable(folder / f"{EXTRAPOLATION}.csv", weights_digest(members), own_folder=ours, overwrite=overwrite)
    claim_folder(folder, "--out")
    table.check()
    return table


def measure(
    members: Sequence[Run],
    plans: Sequence[DatasetPlan],
    target: torch.device,
    table: SizeTable,
    console: Console,
) -> tuple[list[SizeErrors], Rows]:
    """Return the errors at every size, and all rows of the table that they were added to."""
    atomic.make_folder(table.path.parent)
    with StopRequest("the same command continues with the references that are done") as stop:
        datasets = (label_references(plan, target, console, stop) for plan in plans)
        return extrapolation.measure(members, datasets, table, stop)


def measure_given(
    members: Sequence[Run], datasets: Sequence[Dataset], table: SizeTable
) -> tuple[list[SizeErrors], Rows]:
    """Return the errors on the user's own `datasets`, and all rows of the table that they were added to."""
    atomic.make_folder(table.path.parent)
    with StopRequest("nothing was written; the same command starts again") as stop:
        return extrapolation.measure(members, datasets, table, stop)


def planned(plans: Sequence[DatasetPlan], device_type: str, table: SizeTable) -> Result:
    """Return the result of a dry run: sizes, samples and reference methods."""
    jobs = [plan.job(device_type) for plan in plans]
    sizes = [{"L": job.system.size, "samples": job.samples, "reference": job.reference} for job in jobs]
    return _planned(sizes, table)


def planned_given(datasets: Sequence[Dataset], table: SizeTable) -> Result:
    """Return the result of a dry run on the user's own `datasets`."""
    sizes = [
        {"L": size_of_spins(each.spins), "samples": len(each), "reference": each.metadata["reference"]["method"]}
        for each in datasets
    ]
    return _planned(sizes, table)


def _planned(sizes: list[dict[str, Any]], table: SizeTable) -> Result:
    head = ["L", "samples", "reference"]
    tables = [Table(head, [[each[key] for key in head] for each in sizes])]
    return Result("extrapolate", {"sizes": sizes}, {"table": shown(table.path)}, "planned", tables=tables)


def draw(rows: Rows, network: Run, folder: Path) -> Path:
    """Draw errors against size of all rows of the table, and the spread of ensembles; return the path of the figure."""
    title = MODELS[network.config["model"]["name"]].title
    columns = {size_quantity(rows): "relative error"} | {"rmse_over_std": "RMSE / std(E)"}
    panels = {label: lines_of(rows, key, title) for key, label in columns.items()}
    return figures.against_size(panels, length(network.system.size), folder / EXTRAPOLATION, table=False)


def lines_of(rows: Rows, column: str, title: str) -> list[figures.Curve]:
    """Return the error of every sampling and seed, with the sampling error of the references; spreads are dashed."""
    spread = spreads(rows, column)
    lines = []
    for name, points in curves(rows, column).items():
        look = f"{title}, {name}"
        lines.append(figures.Curve(f"{look}: error of the mean" if name in spread else look, points, look))
        if name in spread:
            dashed = [(size, value, None) for size, value, _ in spread[name]]
            lines.append(figures.Curve(f"{look}: spread of the members", dashed, look, dashed=True))
    return lines


def warn_of_bars(rows: Sequence[SizeErrors], network: Run) -> None:
    """Warn of sizes where fewer energies lie within the error bars than chance explains, inside of the domain."""
    missed = []
    for row in rows:
        if row.coverage_wanted is None or row.coverage_reached is None or (row.outside or 0.0) > MOSTLY:
            continue
        noise = math.sqrt(row.coverage_wanted * (1 - row.coverage_wanted) / row.samples)
        if row.coverage_reached < row.coverage_wanted - MANY * noise:
            missed.append(f"{row.coverage_reached:.2g} at L = {row.L}")
    if missed:
        field, side = network.config["receptive_field"], min(each for each in network.system.sides if each > 1)
        small = field is not None and 2 * (field - 1) >= side
        cause = f" (its receptive field {field} joins spins around the training lattice {network.system.size})"
        LOGGER.warning(
            "fewer energies than expected lie within the error bars of %g: %s; train on labels of a larger size too%s",
            rows[0].coverage_wanted,
            ", ".join(missed),
            cause if small else "",
        )


def methods(rows: Sequence[SizeErrors]) -> str:
    """Return the reference methods, each with its sizes."""
    sizes: dict[str, list[str]] = {}
    for row in rows:
        sizes.setdefault(row.reference, []).append(str(row.L))
    return "; ".join(f"{method}, L = {', '.join(each)}" for method, each in sizes.items())


def report(rows: Sequence[SizeErrors], every: Rows, network: Run, table: SizeTable) -> Result:
    """Draw the figure of every row; return the `rows` of the sizes asked for."""
    figure = draw(every, network, table.path.parent)
    metrics = {"sizes": [row.as_json() for row in rows]}
    for there in (False, True):
        some = [row for row in rows if ((row.outside or 0.0) > MOSTLY) == there]
        ratios = {where: ratio for row in some for where, ratio in row.ratios().items()}
        warn_of_no_use(ratios, advice=TRAIN_THERE if there else TRAIN_MORE)
    warn_of_bars(rows, network)
    tables = [Table(list(SHOWN), [[show(row) for show in SHOWN.values()] for row in rows])]
    bars = OF_BARS if any(row.coverage_wanted is not None for row in rows) else {}
    more = bars | (OF_FIELDS if any(row.field_rmse is not None for row in rows) else {})
    if more:
        tables.append(Table(["L", *more], [[row.L, *(show(row) for show in more.values())] for row in rows]))
    if rows[0].ensemble is not None:
        head = ["L", *(LABELS[key] for key in ENSEMBLE_SHOWN)]
        tables.append(Table(head, [[row.L, *(row.as_cells()[key] for key in ENSEMBLE_SHOWN)] for row in rows]))
    for row in rows:
        if row.temperatures is not None:
            tables += [facts({"L": row.L}), temperatures.table(row.temperatures)]
    tables.append(facts({"reference": methods(rows)}))
    if len(every) > len(rows):
        LOGGER.info("%s holds %d more rows of earlier commands", shown(table.path), len(every) - len(rows))
    return Result("extrapolate", metrics, {"table": shown(table.path), "figure": shown(figure)}, tables=tables)
