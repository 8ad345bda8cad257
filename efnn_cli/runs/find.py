"""Names of runs under outputs/, and the most recent one."""

from __future__ import annotations

import logging
from pathlib import Path

from efnn_cli.core.errors import InputError
from efnn_cli.core.results import shown
from efnn_cli.datasets.find import newest_first
from efnn_cli.runs.folder import OUTPUTS

LOGGER = logging.getLogger("efnn")


def run_path(system: str, model: str, depth: int, seed: int, tag: str) -> Path:
    """Return `outputs/<system>-<model>-d<depth>-s<seed>-<hash8>`."""
    return OUTPUTS / f"{system}-{model}-d{depth}-s{seed}-{tag}"


def picked() -> list[Path]:
    """Log and return the finished run most recently made or asked for; raise `InputError` where there is none."""
    path = latest_run()
    LOGGER.info("run: %s", shown(path))
    return [path]


def latest_run() -> Path:
    """Return the finished run most recently made or asked for; raise `InputError` with the command that makes one."""
    finished = newest_first(OUTPUTS.glob("*/summary.json"))
    if not finished:
        raise InputError("there is no finished run in outputs/", "efnn train model=efnn depth=3")
    return finished[0].parent
