"""Error bars that hold: intervals of predictions with a coverage, and the coverage that they reach."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from efnn_cli.core.errors import ConfigError, InputError
from efnn_cli.core.results import shown
from efnn_cli.datasets import find
from efnn_cli.physics.statistics import statistics
from efnn_cli.physics.system import Array
from efnn_cli.runs.loading import Run
from efnn_cli.runs.planning import open_source
from efnn_cli.runs.stored import datasets_of
from efnn_cli.runs.trust import intervals_of
from efnn_cli.training.intervals import Intervals

LOGGER = logging.getLogger("efnn")
USUAL = 0.95  # coverage


def check_coverage(coverage: float | None) -> None:
    """Raise `ConfigError` for a coverage that is no probability."""
    if coverage is not None and not 0.0 < coverage < 1.0:
        raise ConfigError(f"--coverage: wanted a number between 0 and 1, found {coverage:g}", "--coverage 0.95")


def intervals(members: Sequence[Run], *, asked: bool = True) -> Intervals | None:
    """Return the error bars of the mean prediction; None where there are none, with a warning where they were asked."""
    level = logging.WARNING if asked else logging.INFO
    if len(members) == 1:
        if members[0].intervals is None:
            LOGGER.log(level, "%s has no error bars: only a finished training has", shown(members[0].path))
        return members[0].intervals
    contents = {tuple(each["content_sha256"] for each in datasets_of(member.config)) for member in members}
    if len(contents) > 1:
        LOGGER.log(level, "no error bars: the members were trained on different datasets, so that none is new to all")
        return None
    stored = members[0].config["dataset"]
    try:
        path = find.find_dataset(stored["content_sha256"], stored["path"], members[0].path)
    except InputError as error:
        LOGGER.log(level, "no error bars of the ensemble: %s", error.message)
        return None
    return intervals_of([member.model for member in members], open_source(Path(path)), members[0].device)


def half_widths(
    members: Sequence[Run], bars: Intervals, spins: Array, coverage: float, *, asked: bool = True
) -> Array | None:
    """Return the half widths (B,) of the intervals of `spins`; None for too few scores, as in `intervals`."""
    system = members[0].system_for(spins)
    found = bars.half_widths(next(iter(statistics(spins, system).values())), system.sites, coverage)
    if found is None:
        LOGGER.log(
            logging.WARNING if asked else logging.INFO,
            "a coverage of %g needs %d validation configurations, the run has %d",
            coverage,
            int(np.ceil(coverage / (1 - coverage))),
            len(bars.scores),
        )
    return found


def coverage_of(
    members: Sequence[Run],
    bars: Intervals | None,
    spins: Array,
    errors: Array | None,
    wanted: float,
    *,
    asked: bool = True,
) -> dict[str, float | None] | None:
    """Return the wanted and the reached coverage and the mean half width; None without error bars.

    `errors` (B,) are those of the mean prediction, None where nothing is known.
    """
    widths = None if bars is None else half_widths(members, bars, spins, wanted, asked=asked)
    if widths is None:
        return None
    reached = None if errors is None else float(np.mean(np.abs(errors) <= widths))
    return {"wanted": wanted, "reached": reached, "half_width": float(widths.mean())}
