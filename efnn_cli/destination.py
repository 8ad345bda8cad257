"""Where results may go: never over something else, and only where they can be written."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from efnn_cli.errors import ConflictError
from efnn_cli.runs.folder import FILES, RunFolder
from efnn_cli.storage import atomic
from efnn_cli.storage.reading import read_text

COMPARISON_MARK = "comparison.hash"
REPRODUCTION_MARK = "reproduction.scale"


def claim_file(out: Path | None, overwrite: bool) -> None:
    """Raise `ConflictError` where the file `out` is there, `OutputError` where it could not be written."""
    if out is None:
        return
    if os.path.exists(out) and (not overwrite or os.path.isdir(out)):
        raise _taken(out, "exists")
    atomic.prove_writable(out.parent)


def refuse_inputs(out: Path | None, inputs: Iterable[Path]) -> None:
    """Raise `ConflictError` where `out` is one of the files or among the files of a run that the command reads."""
    if out is None or not os.path.exists(out):
        return
    for path in inputs:
        own = [RunFolder(path).path / name for name in FILES] if os.path.isdir(path) else [path]
        if any(os.path.exists(each) and each.samefile(out) for each in own):
            raise _taken(out, "is read by this command", "choose another --out")


def claim_run(folder: RunFolder, tag: str) -> None:
    """Raise `ConflictError` where `folder` is something else than the run with the hash `tag`."""
    if not os.path.exists(folder.path) or (os.path.isdir(folder.path) and folder.empty):
        return
    if not folder.holds(tag):
        raise _taken(folder.path, "exists and is something else")


def claim_marked(folder: Path, mark: str, tag: str) -> None:
    """Raise `ConflictError` where `folder` holds something else than what its file `mark` calls `tag`."""
    if os.path.isdir(folder) and any(folder.iterdir()):
        name = folder / mark
        if not os.path.exists(name) or read_text(name).strip() != tag:
            raise _taken(folder, "exists and is something else", "choose another --out")
    claim_folder(folder, "--out")


def claim_folder(folder: Path, option: str) -> None:
    """Raise `ConflictError` where `folder` is a file, `OutputError` where it could not be made or written."""
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise _taken(folder, "exists and is not a folder", f"choose another {option}")
    atomic.prove_writable(folder)


def _taken(path: Path, how: str, hint: str = "choose another --out, or --overwrite it") -> ConflictError:
    return ConflictError(f"{path} {how}", hint)
