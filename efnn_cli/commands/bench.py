"""`efnn bench labels`: our way against the straightforward one, in one run."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence

from efnn_cli import checks
from efnn_cli.benchmarks import labels
from efnn_cli.console import Console
from efnn_cli.results import Result, number

LOGGER = logging.getLogger("efnn")


def run_labels(console: Console, *, sizes: Sequence[int], repeats: int) -> Result:
    """Seconds per configuration of the double-exchange labels at each size."""
    for size in sizes:
        checks.within("L", size, 3, 200)
    checks.within("repeats", repeats, 1, 1000)
    report = labels.run(sizes, repeats, LOGGER.info)
    head = [each.name for each in dataclasses.fields(labels.Row)]
    rows = [head, *([number(getattr(row, name)) for name in head] for row in report.rows)]
    rows += [["largest relative difference", number(report.largest_relative_difference)]]
    rows += [[f"{case}: cost grows as L^{slope:.2f}"] for case, slope in report.exponents.items()]
    metrics = dataclasses.asdict(report)
    return Result("bench", metrics, rows=rows, headed=True)
