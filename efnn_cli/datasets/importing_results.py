"""Files of imported datasets, and the result of `efnn import`."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from efnn_cli.core.errors import ConfigError
from efnn_cli.core.results import Result, shown
from efnn_cli.core.table import facts
from efnn_cli.datasets import find
from efnn_cli.storage import atomic, dataset
from efnn_cli.storage.dataset import Dataset
from efnn_cli.storage.output import refuse_inputs, require_free

LOGGER = logging.getLogger("efnn")
FIELDS_ALONE = "%s has fields but no energies: a network learns its energy up to a constant"


def store(datasets: Sequence[Dataset], inputs: Sequence[Path], out: Path | None, *, overwrite: bool) -> list[Path]:
    """Write every dataset, or find it written, and return the paths; the last one becomes the most recent.

    Raises `ConfigError` for one name `out` of several datasets, `ConflictError` where something else is there.
    """
    if out is not None and len(datasets) > 1:
        sizes = ", ".join(str(_size(data)) for data in datasets)
        raise ConfigError(f"--out names one dataset, found configurations of sizes {sizes}", "leave --out away")
    paths = [out or find.DATA / _name(data) for data in datasets]
    for data, path in zip(datasets, paths, strict=True):
        require_free(path, data.metadata["job"], usual=out is None, overwrite=overwrite)
        refuse_inputs(path, inputs)
    for data, path in zip(datasets, paths, strict=True):
        if os.path.exists(path) and not overwrite:
            LOGGER.info("%s was there already", shown(path))
            find.renew(path)
        else:
            atomic.make_folder(path.parent)
            dataset.write(path, data.arrays(), data.metadata)
        if data.known_energies is None:
            LOGGER.warning(FIELDS_ALONE, shown(path))
    return paths


def _size(data: Dataset) -> Any:
    return data.metadata["system"]["L"]


def _name(data: Dataset) -> str:
    return find.dataset_name(data.metadata["system"]["name"], _size(data), len(data), 0, data.metadata["job"])


def report(datasets: Sequence[Dataset], paths: Sequence[Path]) -> Result:
    """Return the figures of the last dataset; of several also those of each, by size in `outputs`."""
    every = [_figures(data) for data in datasets]
    outputs = {"dataset": shown(paths[-1])}
    metrics: dict[str, Any] = {**every[-1]}
    tables = [facts(every[-1])]
    if len(datasets) > 1:
        outputs |= {f"dataset_L{_size(data)}": shown(path) for data, path in zip(datasets, paths, strict=True)}
        metrics["datasets"] = [
            {"dataset": shown(path), "L": _size(data), **each}
            for data, path, each in zip(datasets, paths, every, strict=True)
        ]
    return Result("import", metrics, outputs, tables=tables)


def _figures(data: Dataset) -> dict[str, Any]:
    """Return the keys of `generate`, where times are unknown, and the kinds of labels."""
    energies = data.known_energies
    return {
        "samples": len(data),
        "mean": None if energies is None else float(energies.mean()),
        "std": None if energies is None else float(energies.std()),
        "seconds": None,
        "samples_per_second": None,
        "reference": dataset.EXTERNAL,
        "energies": energies is not None,
        "fields": data.fields is not None,
    }
