"""Figures from what runs have written: learning curves, errors over many runs, errors and times against L."""

from __future__ import annotations

import logging
import os
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from efnn_cli import figures
from efnn_cli.core.errors import InputError
from efnn_cli.core.results import shown
from efnn_cli.evaluation.size_errors import weights_digest
from efnn_cli.evaluation.size_table import METHODS, Rows, SizeTable
from efnn_cli.runs.folder import EXTRAPOLATION
from efnn_cli.runs.loading import load
from efnn_cli.runs.rows import RunRow
from efnn_cli.studies.plot_selection import (
    QUANTITIES,
    Drawing,
    groups,
    hashes,
    limit,
    names,
    quantity_of,
    require_one_hamiltonian,
)
from efnn_cli.training.metrics import mean_and_spread

CURVES = 6  # lines of different colours
LABELS = {"width": "width", "parameters": "number of parameters", "samples": "configurations in the dataset"}

LOGGER = logging.getLogger("efnn")


def curve(rows: Sequence[RunRow]) -> Drawing:
    """Errors and learning rate of at most six runs against the epoch; raises `InputError` for a run without epochs."""
    limit(rows, CURVES)
    histories = {name: row.folder.history(row.config["hash"]) for name, row in names(rows).items()}
    for row, history in zip(rows, histories.values(), strict=True):
        if not history:
            path = shown(row.folder.path)
            raise InputError(f"{path} has no finished epoch yet", f"efnn train --resume {path}")
    last = {name: history[-1].epoch for name, history in histories.items()}
    identity = {"runs": hashes(rows), "epochs": list(last.values())}
    return Drawing(identity, lambda stem: figures.learning_curves(histories, stem), {"epochs": last})


def against(key: str, rows: Sequence[RunRow]) -> Drawing:
    """Error on the test split against the column `key` over runs of one Hamiltonian, mean and spread over the seeds."""
    require_one_hamiltonian(rows)
    told = [row for row in rows if row.values[key]]
    if not told:
        raise InputError(f"none of the {len(rows)} runs has a {key}", f"efnn train model=efnn {key}=VALUE makes one")
    quantity = quantity_of([row.values for row in told])
    curves = []
    for style, (name, members) in enumerate(groups(told, apart=key).items()):
        cells: dict[float, list[RunRow]] = {}
        for row in members:
            cells.setdefault(float(row.values[key]), []).append(row)
        found = [(x, *mean_and_spread([row.values[quantity] for row in _distinct(cells[x])])) for x in sorted(cells)]
        curves.append(figures.Curve(name, [(x, y) for x, y, _ in found], [bar for *_, bar in found], style))
    limit(curves, CURVES, "lines")
    label = f"{QUANTITIES[quantity]}, test split"
    metrics = {"quantity": quantity, "curves": [_points(each) for each in curves]}
    return Drawing(
        {"runs": sorted(hashes(told))},
        lambda stem: figures.error_against({key: curves}, LABELS[key], label, stem),
        metrics,
    )


def _points(curve: figures.Curve) -> dict[str, Any]:
    """The numbers of a curve for JSON."""
    return {"name": curve.name, "points": [list(point) for point in curve.points], "spread": list(curve.spread)}


def _distinct(rows: Sequence[RunRow]) -> Sequence[RunRow]:
    """The runs of one point, with a warning where they differ in more than the seed."""
    seeds = [row.values["seed"] for row in rows]
    if len(set(seeds)) < len(seeds):
        twice = [shown(row.folder.path) for row in rows if seeds.count(row.values["seed"]) > 1]
        LOGGER.warning("one point is the mean of runs that differ in more than their seed: %s", ", ".join(twice[:3]))
    return rows


def _tables(rows: Sequence[RunRow]) -> list[tuple[RunRow, Rows]]:
    """Every run with its table of sizes, of the weights it has now; raises `InputError` with the command for one."""
    found = []
    for row in rows:
        path = row.folder.path / f"{EXTRAPOLATION}.csv"
        if not os.path.exists(path):
            raise InputError(
                f"{shown(row.folder.path)} has no {EXTRAPOLATION}.csv", f"efnn extrapolate {shown(row.folder.path)}"
            )
        network = load(row.folder.path, "cpu")
        lines = SizeTable(path, weights_digest([network]), own_folder=True).rows()
        if not lines:
            why = f"{shown(path)} is of weights from earlier in the training"
            raise InputError(why, f"efnn extrapolate {shown(row.folder.path)}")
        found.append((row, lines))
    return found


def sizes(rows: Sequence[RunRow]) -> Drawing:
    """Error and bias against L, mean and spread over the seeds of each network."""
    require_one_hamiltonian(rows)
    tables = _tables(rows)
    every = [line for _, lines in tables for line in lines]
    quantity = "relative_error" if all(line["relative_error"] for line in every) else "rmse_over_std"
    samplings = sorted({line["sampling"] for line in every})
    series = []
    for name, members in groups(rows, apart="").items():
        for sampling in samplings:
            found = [_by_size(lines, sampling, quantity) for row, lines in tables if row in members]
            points = [_size_point(size, found, quantity) for size in sorted({L for each in found for L in each})]
            if points:
                series.append(
                    figures.SizeSeries(name if len(samplings) == 1 else f"{name}, {sampling.replace('_', ' ')}", points)
                )
    if not series:
        path = shown(rows[0].folder.path)
        raise InputError(f"{path} has no size with enough samples for a {quantity}", f"efnn extrapolate {path}")
    limit(series, CURVES, "lines")
    trained_at = int(rows[0].values["L"])
    metrics = {"quantity": quantity, "series": [{"name": s.name, "rows": [list(r) for r in s.rows]} for s in series]}
    return Drawing(
        {"runs": sorted(hashes(rows)), "sizes": sorted({int(line["L"]) for line in every})},
        lambda stem: figures.error_and_bias(series, trained_at, QUANTITIES[quantity], stem),
        metrics,
    )


def _by_size(lines: Rows, sampling: str, quantity: str) -> dict[int, Mapping[str, str]]:
    """The line with the most samples at every L, of those that have the quantity."""
    found: dict[int, Mapping[str, str]] = {}
    for line in sorted(lines, key=lambda line: int(line["samples"])):
        if line["sampling"] == sampling and line[quantity]:
            found[int(line["L"])] = line
    return found


def _size_point(size: int, tables: Sequence[Mapping[int, Mapping[str, str]]], quantity: str) -> tuple[Any, ...]:
    lines = [each[size] for each in tables if size in each]
    error = mean_and_spread([float(line[quantity]) for line in lines])
    return (size, *error, *mean_and_spread([float(line["bias_per_site"]) for line in lines]))


def times(rows: Sequence[RunRow]) -> Drawing:
    """Seconds per configuration of networks and references against L, medians over the runs, with their powers."""
    require_one_hamiltonian(rows)
    tables = _tables(rows)
    seconds: dict[str, dict[float, list[float]]] = {}

    def add(name: str, line: Mapping[str, str], column: str) -> None:
        if float(line[column]) > 0:
            seconds.setdefault(name, {}).setdefault(float(line["L"]), []).append(float(line[column]))

    for name, members in groups(rows, apart="").items():
        for line in (line for row, lines in tables if row in members for line in lines):
            add(name, line, "seconds_per_configuration")
    for line in (line for _, lines in tables for line in lines):
        add(METHODS[line["reference"]], line, "reference_seconds_per_configuration")
    series = {
        name: [(size, statistics.median(found[size])) for size in sorted(found)] for name, found in seconds.items()
    }
    limit(list(series), CURVES, "lines")
    laws = {name: figures.growth(points) for name, points in series.items()}
    exponents = {name: None if law is None else law.exponent for name, law in laws.items()}
    return Drawing(
        {"runs": sorted(hashes(rows)), "sizes": sorted({size for found in seconds.values() for size in found})},
        lambda stem: figures.times(series, stem),
        {"exponents": exponents},
    )
