"""Grids of settings in Hydra's syntax: `KEY=V1,V2`, `KEY=range(3)`, `KEY=choice(a,b)`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser

from efnn_cli.config.words import UNREADABLE, first_line
from efnn_cli.core.errors import ConfigError

MAX_POINTS = 100_000

Point = tuple[str, ...]
"""Settings `KEY=VALUE`, one value for every key."""


def expand(settings: Sequence[str]) -> list[Point]:
    """Return every combination of values, the last key varying fastest; raises `ConfigError`."""
    values = [_values(text) for text in settings]
    count = math.prod(map(len, values))
    if count == 0:
        empty = next(text for text, found in zip(settings, values, strict=True) if not found)
        raise ConfigError(f"{empty!r} has no values: there is nothing to train", "for example 'seed=range(3)'")
    if count > MAX_POINTS:
        raise ConfigError(
            f"wanted at most {MAX_POINTS} runs in a sweep, found {count} or more", "split it into several"
        )
    return list(itertools.product(*values))


def _values(text: str) -> list[str]:
    """Return `KEY=VALUE` for every value of one setting."""
    try:
        override = OverridesParser.create().parse_override(text)
        if not override.is_sweep_override():
            return [text]
        if getattr(override.value(), "shuffle", False):
            raise ConfigError(f"{text!r}: a random order has no number I for --array-index", "leave shuffle out")
        key = override.get_key_element()
        return [f"{key}={value}" for value in itertools.islice(override.sweep_string_iterator(), MAX_POINTS + 1)]
    except UNREADABLE as error:
        raise ConfigError(
            f"cannot read {text!r} as a sweep: {first_line(error)}", "write KEY=V1,V2 or 'KEY=range(3)'"
        ) from error


def combine(settings: Sequence[str]) -> list[Point]:
    """Return every combination of the values of `KEY=V1,V2`, as typed; one empty point without settings."""
    axes = []
    for text in settings:
        key, _, values = text.partition("=")
        axes.append([f"{key}={value}" for value in values.split(",")])
    return list(itertools.product(*axes))
