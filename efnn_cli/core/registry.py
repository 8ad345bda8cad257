"""Registries of systems and networks: those of this package, of other packages by entry points, and of files.

A file is run when the user names it on the command line, as `FILE.py:NAME`; nothing that is read from a stored file is
ever run.
"""

from __future__ import annotations

import hashlib
import importlib.util
import pkgutil
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from efnn_cli.core.checks import nearest
from efnn_cli.core.errors import ConfigError, InputError

T = TypeVar("T")


@dataclass(frozen=True)
class Source:
    """The place of a plug-in, `FILE.py:NAME` or `module:NAME`, and the SHA-256 of its file, hexadecimal."""

    place: str
    sha256: str

    @property
    def file(self) -> str:
        """Return the file or the module."""
        return self.place.rpartition(":")[0]


def is_file_place(text: object) -> bool:
    """Return True for `FILE.py:NAME`."""
    return isinstance(text, str) and text.rpartition(":")[0].endswith(".py")


class Registry(Mapping[str, T], Generic[T]):
    """Objects by name: built-in ones, then the entry points `group` of installed packages, then those of files.

    An object may be named by its place `module:object`; it is then imported when it is asked for. `adapt` is the place
    of a function that takes a plug-in and its `Source`, and returns a name and the object.
    """

    def __init__(self, group: str, built_in: Mapping[str, T | str], adapt: str) -> None:
        self.group = group
        self.built_in = dict(built_in)
        self.files: dict[str, T] = {}
        self._adapt = adapt
        self._loaded: dict[str, T] = {}

    @cached_property
    def plug_ins(self) -> dict[str, str]:
        """Places of the objects of other packages by name; a built-in name cannot be replaced."""
        from importlib.metadata import entry_points  # slow to load

        found = {each.name: each.value for each in entry_points(group=self.group)}
        return {name: place for name, place in sorted(found.items()) if name not in self.built_in}

    @property
    def own(self) -> set[str]:
        """Names that are not built in."""
        return {*self.plug_ins, *self.files}

    def place(self, name: str) -> T | str:
        """Return the object, or the place `module:object` of one that is imported when it is asked for."""
        if name in self.built_in:
            return self.built_in[name]
        return self.files[name] if name in self.files else self.plug_ins[name]

    def __getitem__(self, name: str) -> T:
        found = self.place(name)
        if not isinstance(found, str):
            return found
        if name not in self._loaded:
            loaded = pkgutil.resolve_name(found)
            if name in self.plug_ins:
                _, loaded = self._adapted(loaded, Source(found, _sha256(sys.modules[found.partition(":")[0]].__file__)))
            self._loaded[name] = loaded
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self.built_in or name in self.plug_ins or name in self.files

    def __iter__(self) -> Iterator[str]:
        yield from dict.fromkeys([*self.built_in, *self.plug_ins, *self.files])

    def __len__(self) -> int:
        return len(list(iter(self)))

    def load_file(self, place: str) -> str:
        """Run the file of `FILE.py:NAME`, add what it defines under NAME, and return the name to choose it by.

        Raises `InputError` for a file that cannot be run, `ConfigError` where there is no such plug-in in it.
        """
        file, _, attribute = place.rpartition(":")
        module = run_file(Path(file))
        if not hasattr(module, attribute):
            known = [
                name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__
            ]
            raise ConfigError(
                f"{file} defines no {attribute}", nearest(attribute, known) or f"it has {', '.join(known)}"
            )
        name, found = self._adapted(getattr(module, attribute), Source(place, _sha256(file)))
        if name in self.built_in:
            raise ConfigError(
                f"{place}: {name} is a name of efnn itself", f"give it another one, in {file}: name = ..."
            )
        self.files[name] = found
        return name

    def _adapted(self, found: Any, source: Source) -> tuple[str, T]:
        adapted: tuple[str, T] = pkgutil.resolve_name(self._adapt)(found, source)
        return adapted


def run_file(path: Path) -> ModuleType:
    """Return the module of a file that the user has named; raise `InputError` where it cannot be run."""
    if not path.is_file():
        raise InputError(f"{path} is not a file", "FILE.py:NAME is a path and a name in that file")
    spec = importlib.util.spec_from_file_location(f"efnn_plug_in_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their types up there
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        lines = [
            each.lineno for each in traceback.extract_tb(error.__traceback__) if Path(each.filename).name == path.name
        ]
        where = f"line {lines[-1]}: " if lines else ""
        raise InputError(f"{path} cannot be run: {where}{type(error).__name__}: {error}", "mend the file") from error
    return module


def _sha256(file: str | None) -> str:
    return hashlib.sha256(Path(str(file)).read_bytes()).hexdigest()
