"""Registries of systems and networks: those of this package, and plug-ins of others by entry points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

T = TypeVar("T")


class Registry(Mapping[str, T]):
    """Built-in objects by name, then the entry points `group` of installed packages, loaded when asked for."""

    def __init__(self, group: str, built_in: Mapping[str, T]) -> None:
        self.group = group
        self._built_in = dict(built_in)

    @cached_property
    def plug_ins(self) -> dict[str, EntryPoint]:
        """Entry points of other packages by name; a built-in name cannot be replaced."""
        found = {each.name: each for each in entry_points(group=self.group)}
        return {name: each for name, each in sorted(found.items()) if name not in self._built_in}

    def __getitem__(self, name: str) -> T:
        if name in self._built_in:
            return self._built_in[name]
        loaded: T = self.plug_ins[name].load()
        return loaded

    def __iter__(self) -> Iterator[str]:
        yield from self._built_in
        yield from self.plug_ins

    def __len__(self) -> int:
        return len(self._built_in) + len(self.plug_ins)
