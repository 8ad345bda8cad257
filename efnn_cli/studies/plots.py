"""The numbers that the figures of `efnn plot` show, from run folders and their networks."""

from __future__ import annotations

import logging
import os
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from efnn_cli import figures
from efnn_cli.config.schema import build_system
from efnn_cli.core import checks
from efnn_cli.core.errors import ConfigError, InputError
from efnn_cli.core.results import shown
from efnn_cli.core.size import length
from efnn_cli.evaluation.evaluation_set import evaluation_set
from efnn_cli.evaluation.size_table import METHODS, Rows, SizeTable, mean_and_bar, sampling_of, size_quantity
from efnn_cli.figures import Curve
from efnn_cli.physics.system import Array
from efnn_cli.runs.folder import EXTRAPOLATION
from efnn_cli.runs.listing import RunRow
from efnn_cli.runs.loading import Run, load, weights_digest
from efnn_cli.simulation import observables
from efnn_cli.simulation.results import draw
from efnn_cli.storage import samples_file
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
from efnn_cli.training.metrics import mean_and_spread, measure
from efnn_cli.training.predict import fields_of

COMPARED = ("model.", "training.", "sampling", "dataset.content_sha256")  # settings that one point has in common
LABELS = {"width": "width", "parameters": "number of parameters", "samples": "configurations in the dataset"}
SECONDS = "seconds_per_configuration"

LOGGER = logging.getLogger("efnn")


def curve(rows: Sequence[RunRow]) -> Drawing:
    """Errors and learning rate of some runs against the epoch. Raises `InputError` for a run without epochs."""
    limit(rows)
    histories = {name: row.folder.history(row.config["hash"]) for name, row in names(rows).items()}
    for row, history in zip(rows, histories.values(), strict=True):
        if not history:
            path = shown(row.folder.path)
            raise InputError(f"{path} has no finished epoch yet", f"efnn train --resume {path}")
    last = {name: history[-1].epoch for name, history in histories.items()}
    identity = {"runs": hashes(rows), "epochs": list(last.values())}
    return Drawing(identity, lambda stem: figures.learning_curves(histories, stem), {"epochs": last})


def parity(runs: Mapping[str, Path], data: Path | None, check_stop: Callable[[], None] = lambda: None) -> Drawing:
    """Predicted and true energies per site of runs by name, on the test split or on `data` as in `efnn evaluate`."""
    members = [load(path, "cpu") for path in runs.values()]
    task = evaluation_set(members, data, "test", drop_seen=False)
    found = dict(zip(runs, task.predictions(check_stop), strict=True))
    check_stop()
    system = members[0].system_for(task.data.spins)
    sites = system.sites
    panels = {name: energies / sites for name, energies in found.items()}
    errors = {name: measure(energies, task.true).rmse for name, energies in found.items()}
    title = f"{system.kind.replace('_', ' ')}, L = {system.size}, {len(task.true)} configurations"
    return Drawing(
        {"runs": [str(each.config["hash"]) for each in members], "dataset": task.data.content_hash},
        lambda stem: figures.parity(panels, task.true / sites, stem, unit=system.energy_unit, title=title),
        {"samples": len(task.true), "rmse": errors},
    )


def spins(row: RunRow, index: int) -> Drawing:
    """Configuration `index` of the test split, with its fields, where they are known, and the network's."""
    run = load(row.folder.path, "cpu")
    task = evaluation_set([run], None, "test", drop_seen=False, hint="put it back into data/, or beside the run")
    checks.within("index", index, 0, len(task.chosen) - 1)
    configuration = task.data.spins[task.chosen[index]]
    known = None if task.data.fields is None else task.data.fields[task.chosen[index]]
    fields = compared_fields(run, configuration, known)
    return Drawing(
        {"runs": hashes([row]), "index": index},
        lambda stem: figures.spins(configuration, fields, stem, unit=run.system.energy_unit),
        {"index": index, "configuration": int(task.chosen[index])},
    )


def sample(arguments: Sequence[str]) -> Drawing:
    """Series, histograms, autocorrelation, structure factor and last configuration of a file of `efnn sample`."""
    if len(arguments) != 1:
        raise ConfigError(
            f"wanted one file of efnn sample, found {' '.join(arguments) or 'none'}",
            "efnn plot sample data/samples/FILE.h5",
        )
    path = Path(arguments[0])
    samples = samples_file.read(path)
    system = build_system(samples.metadata["system"])
    identity = {"samples": str(samples.metadata["job"])}
    return Drawing(
        identity,
        lambda stem: draw(observables.measure(samples, system), samples, system, stem),
        {"samples": shown(path)},
    )


def compared_fields(run: Run, configuration: Array, known: Array | None = None) -> dict[str, Array]:
    """Return -dE/dS on one configuration: exact, `known` or computed, and by differentiating the network."""
    spins = torch.from_numpy(configuration[np.newaxis])
    network = {"network": fields_of(run.model, configuration[np.newaxis], run.device)[0]}
    if known is None and run.system.references:  # the Hamiltonian is known
        known = run.system.fields(spins).numpy()[0]
    return network if known is None else {"exact": known, **network}


def against(key: str, rows: Sequence[RunRow]) -> Drawing:
    """Test error against the column `key` over runs of one Hamiltonian, mean and spread over the seeds."""
    require_one_hamiltonian(rows)
    shown_rows = [row for row in rows if row.values[key]]
    if not shown_rows:
        raise InputError(f"none of the {len(rows)} runs has a {key}", f"efnn train model=efnn {key}=VALUE makes one")
    values = {row.values[key] for row in shown_rows}
    if len(values) == 1:
        LOGGER.warning("all runs have the same %s, %s: a figure of the error against it wants several", key, *values)
    quantity = quantity_of([row.values for row in shown_rows])
    curves = []
    for name, members in groups(shown_rows, apart=key).items():
        seeds: dict[float, list[RunRow]] = {}
        for row in members:
            seeds.setdefault(float(row.values[key]), []).append(row)
        warn_of_other_settings(seeds.values())
        errors = {x: [row.values[quantity] for row in seeds[x]] for x in sorted(seeds)}
        curves.append(Curve(name, [(x, *mean_and_spread(values)) for x, values in errors.items()]))
    limit(curves, "lines")
    label = f"{QUANTITIES[quantity]}, test split"
    points = [
        {"name": each.name, "points": [[x, y] for x, y, _ in each.points], "spread": [bar for *_, bar in each.points]}
        for each in curves
    ]
    return Drawing(
        {"runs": sorted(hashes(shown_rows))},
        lambda stem: figures.error_against({key: curves}, LABELS[key], label, stem),
        {"quantity": quantity, "curves": points},
    )


def warn_of_other_settings(points: Iterable[Sequence[RunRow]]) -> None:
    """Warn of points that average over runs which differ in more than the seed."""
    for rows in points:
        settings = [row.settings for row in rows]
        names = {name for each in settings for name in each if name.startswith(COMPARED)}
        differing = sorted(name for name in names if len({str(each.get(name)) for each in settings}) > 1)
        if differing:
            name = differing[0]
            LOGGER.warning(
                "one point is the mean of runs that differ in %s: choose some of them, for example %s=%s",
                ", ".join(differing),
                name,
                settings[0].get(name),
            )


def sizes(rows: Sequence[RunRow]) -> Drawing:
    """Error and bias against L, mean and spread over the seeds of each network."""
    require_one_hamiltonian(rows)
    tables = size_tables(rows)
    every = [line for _, lines in tables for line in lines]
    quantity = size_quantity(every)
    samplings = sorted({sampling_of(line) for line in every})
    panels = {QUANTITIES[quantity]: quantity, QUANTITIES["rmse_over_std"]: "rmse_over_std"}
    panels |= {"RMSE per site": "rmse_per_site", figures.BIAS: "bias_per_site"}
    drawn: dict[str, list[Curve]] = {label: [] for label in panels}
    series = []
    for name, members in groups(rows, apart="").items():
        for sampling in samplings:
            title = name if len(samplings) == 1 else f"{name}, {sampling}"
            sizes = at_sizes([lines for row, lines in tables if row in members], sampling, quantity)
            if not sizes:
                continue
            for label, column in panels.items():
                points = [(L, *mean_and_bar(lines, column)) for L, lines in sizes.items() if lines[0][column]]
                drawn[label] += [Curve(title, points)] if points else []
            means = [(*over_seeds(lines, quantity), *over_seeds(lines, "bias_per_site")) for lines in sizes.values()]
            series.append({"name": title, "rows": [[L, *mean] for L, mean in zip(sizes, means, strict=True)]})
    if not series:
        path = shown(rows[0].folder.path)
        raise InputError(f"{path} has no size with enough samples for a {quantity}", f"efnn extrapolate {path}")
    limit(series, "lines")
    unit = load(rows[0].folder.path, "cpu").system.energy_unit
    return Drawing(
        {"runs": sorted(hashes(rows)), "sizes": sorted({length(line["L"]) for line in every})},
        lambda stem: figures.against_size(drawn, length(rows[0].values["L"]), stem, unit=unit),
        {"quantity": quantity, "series": series},
    )


def over_seeds(lines: Rows, column: str) -> tuple[float, float | None]:
    """Return the mean of a column over seeds, and its spread."""
    return mean_and_spread([float(line[column]) for line in lines])


def times(rows: Sequence[RunRow]) -> Drawing:
    """Seconds per configuration of networks and references against L, medians over the runs, with their powers."""
    require_one_hamiltonian(rows)
    tables = size_tables(rows)
    found: dict[str, dict[float, list[float]]] = {}
    timed = [
        (name, line, SECONDS)
        for name, members in groups(rows, apart="").items()
        for row, lines in tables
        if row in members
        for line in lines
    ]
    timed += [(METHODS[line["reference"]], line, f"reference_{SECONDS}") for _, lines in tables for line in lines]
    for name, line, column in timed:
        if line[column] and float(line[column]) > 0:
            found.setdefault(name, {}).setdefault(float(length(line["L"])), []).append(float(line[column]))
    series = {name: [(L, statistics.median(seconds[L])) for L in sorted(seconds)] for name, seconds in found.items()}
    limit(list(series), "lines")
    laws = {name: figures.growth(points) for name, points in series.items()}
    return Drawing(
        {"runs": sorted(hashes(rows)), "sizes": sorted({L for seconds in found.values() for L in seconds})},
        lambda stem: figures.times(series, stem),
        {
            "exponents": {name: None if law is None else law.exponent for name, law in laws.items()},
            "exponent_errors": {name: None if law is None else law.error for name, law in laws.items()},
        },
    )


def size_tables(rows: Sequence[RunRow]) -> list[tuple[RunRow, Rows]]:
    """Return every run with its errors by size. Raises `InputError` for a run without them, with the command."""
    found = []
    for row in rows:
        path = row.folder.path / f"{EXTRAPOLATION}.csv"
        hint = f"efnn extrapolate {shown(row.folder.path)}"
        if not os.path.exists(path):
            raise InputError(f"{shown(row.folder.path)} has no {EXTRAPOLATION}.csv", hint)
        lines = SizeTable(path, weights_digest([load(row.folder.path, "cpu")]), own_folder=True).rows()
        if not lines:
            raise InputError(f"{shown(path)} is of weights from earlier in the training", hint)
        found.append((row, lines))
    return found


def at_sizes(tables: Sequence[Rows], sampling: str, quantity: str) -> dict[float, Rows]:
    """Return, by L, the line of every table with the most samples, of one sampling, that has the quantity."""
    found: dict[float, Rows] = {}
    for lines in tables:
        ordered = sorted(lines, key=lambda line: int(line["samples"]))
        best = {length(line["L"]): line for line in ordered if sampling_of(line) == sampling and line[quantity]}
        for size, line in best.items():
            found.setdefault(size, []).append(line)
    return dict(sorted(found.items()))
