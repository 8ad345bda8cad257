"""Python values as words of the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from efnn_cli.api.datasets import DatasetFile
from efnn_cli.core.text import at_home
from efnn_cli.runs.loading import Run

Place = str | PathLike[str] | DatasetFile | Run
"""A file or folder, or an object that was made from one."""
Word = Place | Mapping[str, Any]
"""A path, `"KEY=VALUE"`, or several keys as a dictionary."""


def path_of(place: Place | None) -> Path | None:
    """Return the path of a file, dataset or run, `~` replaced."""
    if place is None:
        return None
    if isinstance(place, Run):
        return place.file
    return Path(at_home(fspath(place.path if isinstance(place, DatasetFile) else place)))


def paths_of(places: Place | Iterable[Place] | None) -> list[Path] | None:
    """Return the paths of one or several datasets."""
    if places is None:
        return None
    every = [places] if isinstance(places, (str, PathLike, DatasetFile, Run)) else places
    return [path for path in map(path_of, every) if path is not None]


def words_of(given: Iterable[Word], keys: Mapping[str, Any]) -> list[str]:
    """Return paths and `KEY=VALUE` words of positional arguments and of keywords."""
    words = []
    for each in given:
        if isinstance(each, Mapping):
            words += settings(each)
        else:
            words.append(at_home(each) if isinstance(each, str) else str(path_of(each)))
    return words + settings(keys)


def settings(keys: Mapping[str, Any]) -> list[str]:
    """Return `KEY=VALUE` words."""
    return [f"{key}={text_of(value)}" for key, value in keys.items()]


def text_of(value: Any) -> str:
    """Return a value as the command line writes it: true, null, [1,2]."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(text_of, value))}]"
    return "null" if value is None else str(value)


def option(value: Any) -> str | None:
    """Return the text of an option; None where it is not given."""
    return None if value is None else text_of(value)
