"""Networks of one's own: a `torch.nn.Module`, or a whole `ModelEntry`."""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing
from typing import Any

from torch import nn

from efnn_cli.core.errors import ConfigError
from efnn_cli.core.registry import Source
from efnn_cli.models import ModelEntry
from efnn_cli.models.options import NetworkOptions


def as_entry(found: Any, source: Source) -> tuple[str, ModelEntry]:
    """Return the name of a network and its entry; raise `ConfigError` for what is no network.

    `__init__(self, options)` makes a lattice network, `__init__(self, n, options)` a dense one of n spins. The
    annotation of `options` is the dataclass of the keys `model.*`.
    """
    entry = found if isinstance(found, ModelEntry) else _entry(found, source)
    name = entry.options().name
    return str(name), dataclasses.replace(entry, plug_in={"source": source.place, "sha256": source.sha256})


def _entry(found: Any, source: Source) -> ModelEntry:
    """Return the entry of a class of networks."""
    if not isinstance(found, type) or not issubclass(found, nn.Module):
        raise ConfigError(f"{source.place}: wanted a torch.nn.Module or a ModelEntry, found {found!r}")
    _, *names = inspect.signature(found.__init__).parameters
    options = typing.get_type_hints(found.__init__).get("options")
    if names not in (["options"], ["n", "options"]) or not (
        isinstance(options, type) and issubclass(options, NetworkOptions)
    ):
        raise ConfigError(
            f"{source.place}: wanted __init__(self, options: OPTIONS) for lattices, or "
            f"__init__(self, n, options: OPTIONS) for n spins, found ({', '.join(names)})",
            "OPTIONS is NetworkOptions of efnn_cli.models.options, or a dataclass of its own that begins with it",
        )
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", found.__name__).lower()
    named = dataclasses.make_dataclass(options.__name__, [("name", str, name)], bases=(options,))
    named.__module__ = options.__module__
    dense, lattice = (found, None) if names[0] == "n" else (None, found)
    return ModelEntry(found.__name__, named, dense, lattice)
