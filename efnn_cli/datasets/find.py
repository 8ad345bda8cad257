"""Names of dataset files, the most recent dataset, and the dataset of a run.

Modification times decide which one is most recent; asking for a dataset again renews its time.
"""

from __future__ import annotations

import contextlib
import logging
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from efnn_cli.config.fingerprint import fingerprint
from efnn_cli.core.errors import InputError
from efnn_cli.core.results import shown
from efnn_cli.core.size import Size
from efnn_cli.datasets.settings import GenerateConfig
from efnn_cli.storage import dataset
from efnn_cli.storage.dataset import EXTERNAL
from efnn_cli.storage.spins_file import Configurations

DATA = Path("data")
REFERENCES = DATA / "references"
PURPOSES = {"train": DATA, "reference": REFERENCES}

LOGGER = logging.getLogger("efnn")


def dataset_path(config: GenerateConfig, purpose: str, given: Configurations | None = None) -> Path:
    """Return `data/<system>-L<L>-n<samples>-s<seed>-<hash8>.h5`; reference datasets have a folder of their own."""
    tag = fingerprint({"purpose": purpose, **config.identity(given)})
    return PURPOSES[purpose] / dataset_name(config.system.name, config.system.size, config.samples, config.seed, tag)


def dataset_name(system: str, size: Size, samples: int, seed: int, tag: str) -> str:
    """Return `<system>-L<L>-n<samples>-s<seed>-<hash8>.h5`."""
    return f"{system}-L{size}-n{samples}-s{seed}-{tag}.h5"


def renew(path: Path) -> None:
    """Make `path` the most recent one by its modification time, where the file system permits it."""
    try:
        os.utime(path)
    except OSError as error:
        LOGGER.debug("cannot renew %s: %s", path, error)


def newest_first(paths: Iterable[Path]) -> list[Path]:
    """Return the regular files among `paths`, the most recent first."""
    found = []
    for path in paths:
        with contextlib.suppress(OSError):
            status = path.stat()
            if stat.S_ISREG(status.st_mode):
                found.append((status.st_mtime_ns, str(path), path))
    return [path for _, _, path in sorted(found, reverse=True)]


def latest_dataset(system_filter: Mapping[str, Any]) -> Path:
    """Return the most recent training dataset whose system has the parameters `system_filter`.

    Raises `InputError` with the command that makes one.
    """
    seen = unreadable = 0
    for path in newest_first(DATA.glob("*.h5")):
        try:
            metadata = dataset.read_metadata(path)
        except InputError as error:
            LOGGER.warning("%s is passed over: %s", path, error.message)
            unreadable += 1
            continue
        if metadata["purpose"] != "train":
            continue
        seen += 1
        if all(metadata["system"].get(key) == value for key, value in system_filter.items()):
            return path
    name = system_filter.get("name", "heisenberg")
    settings = [f"system.{key}={value}" for key, value in system_filter.items() if key != "name"]
    found = f"none of the {seen} datasets in data/ has it" if seen else "there is no dataset in data/"
    found += f"; {unreadable} cannot be read" if unreadable else ""
    wanted = " ".join([str(name), *settings]) if system_filter else "any system"
    make = "efnn import FILE" if name == EXTERNAL else f"efnn generate {' '.join([str(name), *settings])}"
    raise InputError(f"wanted a training dataset of {wanted}: {found}", make)


SAME_SYSTEM = "give it, or another dataset of the same Hamiltonian, with --data FILE"


def find_dataset(content_hash: str, stored_path: str, run: Path, hint: str = SAME_SYSTEM) -> Path:
    """Return the dataset of this content that `run` was trained on; raises `InputError` with `hint` for none.

    The places are the stored path, data/, and the surroundings of the run, which may have been copied with its data.
    """
    unreadable: list[str] = []
    for path in _candidates(Path(stored_path), Path(os.path.abspath(run))):
        try:
            if dataset.read_metadata(path)["content_sha256"] == content_hash:
                dataset.read(path)  # verifies the checksum: there may be a good copy elsewhere
                return path
        except InputError as error:
            if path.name == Path(stored_path).name and os.path.lexists(path):
                unreadable.append(error.message)
    if unreadable:
        raise InputError(
            f"the dataset of the run {shown(run)} is there, but {unreadable[0]}",
            "put a good copy in its place, or make it again with efnn generate",
        )
    raise InputError(
        f"the dataset of the run {shown(run)} is neither at {stored_path} nor in data/, nor beside the run",
        hint,
    )


def _candidates(stored: Path, run: Path) -> Iterator[Path]:
    yield stored
    yield from sorted(DATA.glob("*.h5"))
    root = run.parent.parent
    yield root / stored
    yield from sorted((root / DATA).glob("*.h5"))
    yield from sorted(run.parent.glob("*.h5"))
