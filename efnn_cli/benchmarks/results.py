"""Benchmarks with checked arguments, and their results as tables and JSON."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence

from efnn_cli.benchmarks import labels, networks
from efnn_cli.benchmarks.rows import Row
from efnn_cli.core import checks, device, doubles
from efnn_cli.core.numbers import number
from efnn_cli.core.results import Result
from efnn_cli.core.table import Table, facts

LOGGER = logging.getLogger("efnn")


def run_labels(*, sizes: Sequence[int], repeats: int) -> Result:
    """Seconds per configuration of the double-exchange labels at each size."""
    check_sizes(sizes)
    checks.within("repeats", repeats, 1, 1000)
    report = labels.run(sizes, repeats, LOGGER.info)
    laws = {f"{case} grows as": f"L^{slope:.2f}" for case, slope in report.exponents.items()}
    more = facts({"largest relative difference": report.largest_relative_difference, **laws})
    return Result("bench", dataclasses.asdict(report), tables=[table(report.rows), more])


def run_train(*, widths: Sequence[int], samples: int | None, repeats: int, device_name: str) -> Result:
    """Samples per second of training the published network, for each number of channels."""
    for width in widths:
        checks.within("width", width, 1, 256)
    if samples is not None:
        checks.within("samples", samples, 1, 10_000_000)
    checks.within("repeats", repeats, 1, 1000)
    target = device.resolve(device_name)
    doubles.require(target, "the straightforward form computes")
    LOGGER.info("training on %s", device.describe(target))
    return report_of(networks.measure_training(widths, samples, repeats, target, LOGGER.info))


def run_predict(*, sizes: Sequence[int], width: int, samples: int, repeats: int, device_name: str) -> Result:
    """Seconds per configuration of a batch of predictions at each size, also against dense diagonalisation."""
    check_sizes(sizes)
    checks.within("width", width, 1, 256)
    checks.within("samples", samples, 1, 100_000)
    checks.within("repeats", repeats, 1, 1000)
    target = device.resolve(device_name)
    doubles.require(target, "the straightforward form computes")
    LOGGER.info("predicting on %s", device.describe(target))
    return report_of(networks.measure_prediction(sizes, width, samples, repeats, target, LOGGER.info))


def check_sizes(sizes: Sequence[int]) -> None:
    """Raise `ConfigError` for sizes that are too small for a lattice or too large for a benchmark."""
    for size in sizes:
        checks.within("L", size, 3, 200)


def table(rows: Sequence[Row]) -> Table:
    """Return a line for every row, with three digits and short units."""
    head = [each.name for each in dataclasses.fields(Row)]
    shown = [[number(value, 3) for value in dataclasses.astuple(row)] for row in rows]
    return Table(head, [[*cells, unit.replace("seconds per configuration", "s/conf")] for *cells, unit in shown])


def report_of(rows: Sequence[Row]) -> Result:
    """Return the rows as table and JSON."""
    return Result("bench", {"rows": [dataclasses.asdict(row) for row in rows]}, tables=[table(rows)])
