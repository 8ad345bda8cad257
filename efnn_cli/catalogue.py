"""What lies under the current directory: names of datasets and runs, and the most recent ones.

"Most recent" goes by modification time, which asking for something again renews.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from efnn_cli.errors import InputError
from efnn_cli.schema import fingerprint
from efnn_cli.settings import GenerateConfig
from efnn_cli.storage import dataset

DATA = Path("data")
REFERENCES = DATA / "references"
OUTPUTS = Path("outputs")
PURPOSES = {"train": DATA, "reference": REFERENCES}

LOGGER = logging.getLogger("efnn")


def dataset_path(config: GenerateConfig, purpose: str, given_hash: str | None = None) -> Path:
    """`data/<system>-L<L>-n<samples>-s<seed>-<hash8>.h5`, references in a folder of their own."""
    tag = fingerprint({"purpose": purpose, **config.identity(given_hash)})
    system = config.system
    return PURPOSES[purpose] / f"{system.name}-L{system.size}-n{config.samples}-s{config.seed}-{tag}.h5"


def run_path(system: str, model: str, depth: int, seed: int, tag: str) -> Path:
    """`outputs/<system>-<model>-d<depth>-s<seed>-<hash8>`."""
    return OUTPUTS / f"{system}-{model}-d{depth}-s{seed}-{tag}"


def renew(path: Path) -> None:
    """Make `path` the most recent one; a file system that refuses loses nothing but the order."""
    try:
        os.utime(path)
    except OSError as error:
        LOGGER.debug("cannot renew %s: %s", path, error)


def _newest_first(paths: list[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)


def latest_dataset(system_filter: Mapping[str, Any]) -> Path:
    """The training dataset most recently made or asked for whose system has the wanted parameters.

    Raises `InputError` with the command that makes one.
    """
    seen = 0
    for path in _newest_first([each for each in DATA.glob("*.h5") if each.is_file()]):
        try:
            metadata = dataset.read_metadata(path)
        except InputError as error:
            LOGGER.warning("%s is passed over: %s", path, error.message)
            continue
        if metadata["purpose"] != "train":
            continue
        seen += 1
        if all(metadata["system"].get(key) == value for key, value in system_filter.items()):
            return path
    name = system_filter.get("name", "heisenberg")
    settings = [f"system.{key}={value}" for key, value in system_filter.items() if key != "name"]
    found = f"none of the {seen} datasets in data/ has it" if seen else "there is no dataset in data/"
    wanted = " ".join([str(name), *settings]) if system_filter else "any system"
    raise InputError(
        f"wanted a training dataset of {wanted}: {found}", f"efnn generate {' '.join([str(name), *settings])}"
    )


def find_dataset(content_hash: str, stored_path: str) -> Path:
    """The dataset with this content: where it was, or anywhere in data/; raises `InputError`."""
    for path in (Path(stored_path), *DATA.glob("*.h5")):
        try:
            if dataset.read_metadata(path)["content_sha256"] == content_hash:
                return path
        except InputError:
            continue
    raise InputError(
        f"the dataset of this run is neither at {stored_path} nor in data/",
        "give another dataset of the same Hamiltonian with --data FILE",
    )


def latest_run() -> Path:
    """The finished run most recently made or asked for; raises `InputError` with the command that makes one."""
    finished = [path for path in OUTPUTS.glob("*/summary.json") if path.is_file()]
    if not finished:
        raise InputError("there is no finished run in outputs/", "efnn train model=efnn depth=3")
    return _newest_first(finished)[0].parent
