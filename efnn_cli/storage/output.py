"""Refuse outputs that would replace something else, or that cannot be written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from efnn_cli.core.errors import ConfigError, ConflictError, InputError
from efnn_cli.storage import atomic, checkpoint, dataset
from efnn_cli.storage.hdf5 import SUFFIXES, format_of
from efnn_cli.storage.names import FILES
from efnn_cli.storage.reading import read_text

MARK = "study.txt"  # names the study in its folder
LASTING = {dataset.FORMAT: "a dataset", checkpoint.FORMAT: "a checkpoint"}
"""Formats that take hours to make: no other result replaces them, even with `--overwrite`."""


def claim_file(out: Path | None, overwrite: bool) -> None:
    """Raise `ConflictError` where the file `out` exists, `OutputError` where it could not be written.

    With `overwrite` only files of runs, datasets and checkpoints are refused.
    """
    if out is None:
        return
    refuse_folder(out)
    refuse_run_files(out)
    if os.path.exists(out):
        refuse_lasting(out)
        if not overwrite:
            raise taken(out, "exists")
    atomic.prove_writable(out.parent)


def claim_hdf5(out: Path | None, overwrite: bool) -> None:
    """Claim the file `out` for HDF5; raises `ConfigError` where its name has the suffix of another format."""
    claim_file(out, overwrite)
    if out is not None:
        require_hdf5_name(out)


def require_free(
    path: Path,
    tag: str,
    *,
    usual: bool,
    overwrite: bool,
    metadata_of: Callable[[Path], Mapping[str, Any]] = dataset.read_metadata,
) -> None:
    """Raise `ConflictError` where `path` holds something else than the file of the job `tag`.

    Raises `InputError` for an unreadable file at the `usual` path: it was this file.
    """
    refuse_folder(path)
    refuse_run_files(path)
    require_hdf5_name(path)
    if overwrite or not os.path.exists(path):
        return
    try:
        same = metadata_of(path).get("job") == tag
    except InputError as error:
        if usual:
            hint = error.hint or "make it again: the same command with --overwrite"
            raise InputError(error.message, hint) from error
        same = False
    if not same:
        raise taken(path, "exists and is something else")


def require_hdf5_name(out: Path) -> None:
    """Raise `ConfigError` where `out` has a suffix that is not one of HDF5."""
    if out.suffix.lower() not in ("", *SUFFIXES):
        raise ConfigError(f"--out: wanted a name in {' or '.join(SUFFIXES)}, found {out}", "--out NAME.h5 is HDF5")


def refuse_folder(out: Path) -> None:
    """Raise `ConflictError` where `out` is a folder, or can be nothing else."""
    refuse_nameless(out, "NAME.h5")
    if os.path.isdir(out):
        raise _no_file(out, "NAME.h5")


def refuse_nameless(out: Path, example: str) -> None:
    """Raise `ConflictError` for `.`, `..`, `/` and the empty path, which can only be folders."""
    if out.name in ("", ".."):
        raise _no_file(out, example)


def refuse_run_files(out: Path) -> None:
    """Raise `ConflictError` where `out` is, or would become, one of the files of a run."""
    place = Path(os.path.realpath(out))
    if place.name in ("lock", *FILES) and os.path.exists(place.parent / "config.yaml"):
        raise taken(out, f"belongs to the run {place.parent}", "choose another --out")


def refuse_lasting(out: Path) -> None:
    """Raise `ConflictError` where the file `out` took hours to make: a dataset or a checkpoint."""
    if (kind := _lasting(out)) is not None:
        raise taken(out, f"is {kind}", "choose another --out")


def _lasting(out: Path) -> str | None:
    """Return the kind of `out` where it is worth more than a result; unreadable files are not."""
    try:
        return LASTING.get(format_of(out) or "")
    except InputError:
        return None


def refuse_inputs(out: Path | None, inputs: Iterable[Path]) -> None:
    """Raise `ConflictError` where `out` is an input of the command, or a file of a run that is one."""
    if out is None or not os.path.exists(out):
        return
    for path in inputs:
        own = [path / name for name in FILES] if os.path.isdir(path) else [path]
        if any(os.path.exists(each) and each.samefile(out) for each in own):
            raise taken(out, "is read by this command", "choose another --out")


def claim_study(folder: Path, tag: str) -> None:
    """Raise `ConflictError` where `folder` holds anything but the study that `tag` names."""
    if os.path.isdir(folder) and any(folder.iterdir()):
        mark = folder / MARK
        if not os.path.exists(mark) or read_text(mark).strip() != tag:
            raise taken(folder, "exists and is something else", "choose another --out")
    claim_folder(folder, "--out")


def begin_study(folder: Path, tag: str) -> None:
    """Claim `folder` for the study that `tag` names, and make it."""
    claim_study(folder, tag)
    atomic.make_folder(folder)
    atomic.write_text(folder / MARK, f"{tag}\n")


def claim_folder(folder: Path, option: str) -> None:
    """Raise `ConflictError` where `folder` is a file, `OutputError` where it could not be made or written."""
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise taken(folder, "exists and is not a folder", f"choose another {option}")
    atomic.prove_writable(folder)


def _no_file(out: Path, example: str) -> ConflictError:
    return taken(out, "is a folder, wanted the name of a file", f"--out {out / example}")


def taken(path: Path, how: str, hint: str = "choose another --out, or --overwrite it") -> ConflictError:
    """Return the error for a path that is in use; `how` completes the sentence."""
    return ConflictError(f"{path} {how}", hint)
