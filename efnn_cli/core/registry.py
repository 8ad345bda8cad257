"""Registries of systems and networks: those of this package, and plug-ins of others by entry points."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TypeVar

T = TypeVar("T")


class Registry(Mapping[str, T]):
    """Objects by name, built-in ones first, then the entry points `group` of installed packages.

    An object may be named by its place `module:object`; it is then imported when it is asked for.
    """

    def __init__(self, group: str, built_in: Mapping[str, T | str]) -> None:
        self.group = group
        self.built_in = dict(built_in)

    @cached_property
    def plug_ins(self) -> dict[str, str]:
        """Places of the objects of other packages by name; a built-in name cannot be replaced."""
        from importlib.metadata import entry_points  # slow to load

        found = {each.name: each.value for each in entry_points(group=self.group)}
        return {name: place for name, place in sorted(found.items()) if name not in self.built_in}

    def place(self, name: str) -> T | str:
        """Return the object, or the place `module:object` of one that is imported when it is asked for."""
        return self.built_in[name] if name in self.built_in else self.plug_ins[name]

    def __getitem__(self, name: str) -> T:
        found = self.place(name)
        if isinstance(found, str):
            loaded: T = pkgutil.resolve_name(found)
            return loaded
        return found

    def __contains__(self, name: object) -> bool:
        return name in self.built_in or name in self.plug_ins

    def __iter__(self) -> Iterator[str]:
        yield from self.built_in
        yield from self.plug_ins

    def __len__(self) -> int:
        return len(self.built_in) + len(self.plug_ins)
