"""What must hold of config.yaml and summary.json, whoever wrote them, and which run a folder is of.

Every key is looked at once, when the file is read: what comes after may trust types and ranges. Light, since lists of
runs read nothing else.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from efnn_cli.config import keys
from efnn_cli.core.checks import MAX_SEED
from efnn_cli.core.errors import InputError

SCHEMA_VERSION = 1
FIGURES = ("parameters", "epochs", "seconds", "samples_per_second")
PARTS = ("train", "val", "test")
NEWER = "it was written by a newer efnn: update with pip install -U"
STANDARD = re.compile(r"[a-z_]+-[a-z]+-d\d+-s\d+-([0-9a-f]{8})")
BATH = ("thermal.temperature", "thermal.coupling", "thermal.sweeps")
TAG = re.compile(r"[0-9a-f]{8}")
ABSENT = object()

Check = Callable[[Any], bool]


def tag_in_name(path: Path) -> str | None:
    """The hash at the end of a name such as efnn gives; None for a folder that somebody named."""
    found = STANDARD.fullmatch(os.path.basename(os.path.abspath(path)))
    return found and found[1]


def belongs_elsewhere(path: Path, found: object, wanted: object, hint: str) -> InputError:
    """What is said of a file of another run."""
    return InputError(f"{path} belongs to another run (found {found}, wanted {wanted})", hint)


def is_tag(value: Any) -> bool:
    """Whether `value` is the hash of a run."""
    return isinstance(value, str) and TAG.fullmatch(value) is not None


def _is_word(value: Any) -> bool:
    return isinstance(value, str)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_seed(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MAX_SEED


def _is_count(value: Any) -> bool:
    return type(value) is int and 1 <= value <= MAX_SEED


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_figure(value: Any) -> bool:
    return _is_number(value) and value >= 0


def _among(names: tuple[str, ...]) -> Check:
    return lambda value: value in names


def _maybe(check: Check) -> Check:
    return lambda value: value is None or check(value)


CONFIG: dict[str, Check] = {
    "system": _is_mapping,
    "system.name": _among(tuple(keys.options("system"))),
    "system.variant": _maybe(_is_word),
    "system.L": _is_count,
    "sampling": _maybe(_is_word),
    "thermal": _maybe(_is_mapping),
    **dict.fromkeys(BATH, _is_number),
    "couplings_sha256": _maybe(_is_word),
    "receptive_field": _maybe(_is_count),
    "model": _is_mapping,
    "model.name": _among(tuple(keys.options("model"))),
    "model.depth": _is_count,
    "model.width": _is_count,
    "training": _maybe(_is_mapping),
    "training.epochs": _is_count,
    "training.budget": _maybe(_is_word),
    "seed": _is_seed,
    "dataset": _is_mapping,
    "dataset.path": _is_word,
    "dataset.content_sha256": _is_word,
    "dataset.samples": _is_count,
    "dataset.seed": _maybe(_is_seed),
}
"""What a configuration says, where it says it: some of it can be told from the dataset as well."""

SUMMARY: dict[str, Check] = {
    "metrics": _is_mapping,
    "metrics.parameters": _is_count,
    "metrics.epochs": _is_count,
    "metrics.seconds": _is_figure,
    "metrics.samples_per_second": _is_figure,
}
ERRORS: dict[str, Check] = {
    "rmse": _is_figure,
    "relative_error": _maybe(_is_figure),
    "rmse_over_std": _maybe(_is_figure),
}
SUMMARY |= {f"metrics.{part}.{key}": check for part in PARTS for key, check in ERRORS.items()}


def check_config(path: Path, config: Mapping[str, Any], hint: str) -> None:
    """Raise `InputError` unless these are values of the configuration of a run; keys other than the hash may lack."""
    _check_version(path, config, hint)
    bad = config_defect(config)
    if bad is not None:
        raise InputError(f"{path} is not the configuration of a run: {bad}", hint)


def config_defect(config: Mapping[str, Any], needed: Sequence[str] = ()) -> str | None:
    """What is wrong with a configuration of a run, or which of the keys `needed` it lacks; None where it is good."""
    if not is_tag(config.get("hash")):
        return _no_valid("hash", config)
    bath = BATH if config.get("thermal") is not None else ()
    bad = [key for key, check in CONFIG.items() if not _holds(config, key, check)]
    bad += [key for key in (*needed, *bath) if _value(config, key) is ABSENT]
    return _no_valid(bad[0], config) if bad else None


def check_summary(path: Path, summary: Mapping[str, Any], hint: str) -> None:
    """Raise `InputError` unless this is the summary of a run."""
    _check_version(path, summary, hint)
    for key, check in SUMMARY.items():
        if not check(_value(summary, key)):
            raise InputError(f"{path} is not the summary of a run: {_no_valid(key, summary)}", hint)


def _check_version(path: Path, values: Mapping[str, Any], hint: str) -> None:
    version: Any = values.get("schema_version")
    if not _is_count(version):
        raise InputError(f"{path}: {_no_valid('schema_version', values)}", hint)
    if version > SCHEMA_VERSION:
        raise InputError(f"{path} has schema version {version}, this efnn reads up to {SCHEMA_VERSION}", NEWER)


def _value(node: Mapping[str, Any], key: str) -> Any:
    """The value under a dotted name; `ABSENT` where there is none."""
    found: Any = node
    for name in key.split("."):
        found = found.get(name, ABSENT) if isinstance(found, Mapping) else ABSENT
    return found


def _holds(node: Mapping[str, Any], key: str, check: Check) -> bool:
    value = _value(node, key)
    return value is ABSENT or check(value)


def _no_valid(key: str, node: Mapping[str, Any]) -> str:
    value = _value(node, key)
    return f"it has no valid {key}" + ("" if value is ABSENT else f", found {str(value)[:20]!r}")
