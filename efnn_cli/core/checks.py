"""Checks of single values: each names the argument, what was wanted and what was found."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable

from efnn_cli.core.errors import ConfigError

MAX_SEED = 2**63 - 1
PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def nearest(name: str, choices: Iterable[str]) -> str:
    """Return a did-you-mean clause for `name`, empty where nothing is near."""
    found = difflib.get_close_matches(name, list(choices), n=3, cutoff=0.6)
    return f"did you mean {' or '.join(found)}?" if found else ""


def one_of(name: str, value: object, choices: Iterable[str]) -> None:
    """Raise `ConfigError` unless `value` is one of `choices`."""
    known = list(choices)
    if value not in known:
        raise ConfigError(f"{name}: wanted one of {', '.join(known)}, found {value!r}", nearest(str(value), known))


def plain_name(name: str, value: object) -> None:
    """Raise `ConfigError` unless `value` can be part of the name of a file, without leaving its folder."""
    if not isinstance(value, str) or not PLAIN_NAME.fullmatch(value):
        raise ConfigError(
            f"{name}: wanted a name of at most 64 letters, digits, - and _, found {value!r}", "for example tiny_lattice"
        )


def within(name: str, value: float, low: float, high: float) -> None:
    """Raise `ConfigError` unless low <= value <= high."""
    if not low <= value <= high:
        raise ConfigError(f"{name}: wanted a value from {low:g} to {high:g}, found {value!r}")


def positive(name: str, value: float) -> None:
    """Raise `ConfigError` unless `value` is finite and > 0."""
    if not math.isfinite(value) or value <= 0:
        raise ConfigError(f"{name}: wanted a positive number, found {value!r}")


def finite(name: str, value: float) -> None:
    """Raise `ConfigError` unless `value` is a finite number."""
    if not math.isfinite(value):
        raise ConfigError(f"{name}: wanted a finite number, found {value!r}")


def seed(name: str, value: int) -> None:
    """Raise `ConfigError` unless `value` is a seed: 0 <= value < 2^63."""
    if not 0 <= value <= MAX_SEED:
        raise ConfigError(f"{name}: wanted an integer from 0 to 2^63 - 1, found {value!r}")


def odd_kernel(name: str, value: int) -> None:
    """Raise `ConfigError` unless `value` is an odd kernel side from 1 to 31."""
    if value < 1 or value > 31 or value % 2 == 0:
        raise ConfigError(
            f"{name}: wanted an odd kernel side from 1 to 31, found {value!r}",
            "an even kernel has no centre on a periodic lattice; try 3 or 5",
        )
