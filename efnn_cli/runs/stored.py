"""Check what stands in config.yaml and summary.json of a run: types, and the hash of the run.

Light, since lists of runs read nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from efnn_cli.config.fingerprint import fingerprint
from efnn_cli.core.errors import InputError

SCHEMA_VERSION = 1
NEWER = "it was written by a newer efnn: update with pip install -U"
FIGURES = ("parameters", "epochs", "seconds", "samples_per_second")
PARTS = ("train", "val", "test")
ERRORS = ("rmse", "rmse_over_std", "relative_error")
FIELD_ERRORS = ("field_rmse", "field_relative_error")  # where a dataset has fields
CONFIG = {
    "hash": str, "seed": int, "system.name": str, "system.L": (int, str), "model.name": str,
    "dataset.path": str, "dataset.content_sha256": str, "dataset.samples": int,
}  # fmt: skip


def run_hash(
    model: Mapping[str, Any],
    training: Mapping[str, Any] | None,
    seed: int,
    content: str,
    origin: Mapping[str, Any] | None = None,
    more: Sequence[str] = (),
) -> str:
    """Return the hash of a run; `content` is that of its dataset, `origin` the run that it starts from.

    `more` are the contents of further datasets.

    The name of a recipe does not count.
    """
    recipe = {key: value for key, value in (training or {}).items() if key != "name"}
    start = {} if origin is None else {"origin": [origin["how"], origin["hash"]]}
    network = dict(model)
    if "plug_in" in network:  # its file, wherever it lies
        network["plug_in"] = network["plug_in"]["sha256"]
    others = {"more_datasets": list(more)} if more else {}
    return fingerprint({"model": network, "training": recipe, "seed": seed, "dataset": content, **start, **others})


def datasets_of(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return path, content hash, samples and seed of every dataset of a run, the first one first."""
    return [config["dataset"], *config.get("more_datasets", ())]


def check_config(path: Path, config: Mapping[str, Any], hint: str) -> None:
    """Raise `InputError` unless `config` is the configuration of a run, and has the hash of its settings."""
    _check_version(path, config, hint)
    defect = config_defect(config)
    if defect is not None:
        raise InputError(f"{path} is not the configuration of a run: {defect}", hint)
    try:
        content, *more = [each["content_sha256"] for each in datasets_of(config)]
        found = run_hash(config["model"], config["training"], config["seed"], content, config.get("origin"), more)
    except (KeyError, TypeError, ValueError) as error:  # of values that are no JSON, such as dates
        raise InputError(f"{path} is not the configuration of a run: {error}", hint) from error
    if found != config["hash"]:
        raise InputError(
            f"{path} was changed: its settings have the hash {found}, the run has {config['hash']}",
            "undo the change; for other settings start a new run with efnn train KEY=VALUE",
        )


def config_defect(config: Mapping[str, Any]) -> str | None:
    """Return the first wrong or missing value of a configuration as a sentence; None where there is none."""
    for key, kinds in CONFIG.items():
        value = _value(config, key)
        if type(value) not in (kinds if isinstance(kinds, tuple) else (kinds,)):
            return _invalid(key, value)
    training = config.get("training", "missing")
    return None if training is None or isinstance(training, Mapping) else _invalid("training", training)


def check_summary(path: Path, summary: Mapping[str, Any], hint: str) -> None:
    """Raise `InputError` unless `summary` has all metrics of a run."""
    _check_version(path, summary, hint)
    for key in (*FIGURES, *(f"{part}.{name}" for part in PARTS for name in ERRORS)):
        value = _value(summary, f"metrics.{key}")
        optional = value is None and (
            key.endswith(("relative_error", "rmse_over_std")) or _of_fields_alone(summary, key)
        )
        if not optional and not (type(value) in (int, float) and 0 <= value < math.inf):
            raise InputError(f"{path} is not the summary of a run: {_invalid(f'metrics.{key}', value)}", hint)


def validation_error(metrics: Mapping[str, Any]) -> float:
    """Return the RMSE on the validation part: of the energies, or of the fields of a dataset without energies."""
    val = metrics["val"]
    return float(val["field_rmse"] if val["rmse"] is None else val["rmse"])


def _of_fields_alone(summary: Mapping[str, Any], key: str) -> bool:
    """Return True for the RMSE of energies that a dataset does not have, beside that of its fields."""
    part = key.partition(".")[0]
    return key == f"{part}.rmse" and type(_value(summary, f"metrics.{part}.field_rmse")) is float


def _check_version(path: Path, values: Mapping[str, Any], hint: str) -> None:
    version = values.get("schema_version")
    if type(version) is not int:
        raise InputError(f"{path}: {_invalid('schema_version', version)}", hint)
    if version > SCHEMA_VERSION:
        raise InputError(f"{path} has schema version {version}, this efnn reads up to {SCHEMA_VERSION}", NEWER)


def _value(node: Any, key: str) -> Any:
    """Return the value under a dotted name; None where there is none."""
    for name in key.split("."):
        node = node.get(name) if isinstance(node, Mapping) else None
    return node


def _invalid(key: str, value: object) -> str:
    return f"it has no valid {key}" + ("" if value is None else f", found {str(value)[:20]!r}")
