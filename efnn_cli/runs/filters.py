"""Choose among runs by conditions such as `system=three_spin`, `depth=2,3` or `relative_error<1e-3`."""

from __future__ import annotations

import operator
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from efnn_cli.config import keys
from efnn_cli.core import checks
from efnn_cli.core.errors import ConfigError
from efnn_cli.core.registry import is_file_place
from efnn_cli.physics import SYSTEMS, VARIANTS
from efnn_cli.runs.listing import COLUMNS, STATUSES, RunRow

CONDITION = re.compile(r"([A-Za-z_][\w.]*)\s*(<=|>=|!=|=|<|>)\s*(.*)", re.DOTALL)
ORDERS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
MISSING = ("null", "none", "-")


def kinds_named(name: str) -> tuple[str, ...]:
    """Return the kinds of Hamiltonian that `name` may mean, dashes accepted: one kind, or all variants of a system."""
    plain = name.replace("-", "_")
    return tuple(keys.kind_of(plain, variant) for variant in VARIANTS.get(plain, ())) or (plain,)


KINDS = tuple(kind for name in (*keys.options("system"), "external") for kind in kinds_named(name))


@dataclass(frozen=True)
class Condition:
    """One condition on a column, or on a setting by its dotted name."""

    key: str
    sign: str
    values: tuple[str, ...]
    """The text after the sign; several values only with = and !=."""

    def holds(self, row: RunRow) -> bool:
        """Return whether `row` meets it; a missing value meets no comparison."""
        found = row.get(self.key)
        if self.sign in ORDERS:
            return _is_number(found) and ORDERS[self.sign](float(found), float(self.values[0]))
        equal = any(_equal(found, value) for value in self.values)
        return equal is (self.sign == "=")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _equal(found: Any, typed: str) -> bool:
    if found is None:
        return typed.lower() in MISSING
    if isinstance(found, bool):
        return typed.lower() == str(found).lower()
    if _is_number(found):
        number = _number(typed)
        return number is not None and float(found) == number
    return str(found) == typed


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def is_condition(text: str) -> bool:
    """Return whether `text` reads as a condition, and is no file."""
    return CONDITION.fullmatch(text) is not None and not os.path.exists(text)


def split_conditions(arguments: Sequence[str]) -> tuple[list[Path], list[Condition]]:
    """Return RUNs and conditions, which may be mixed in any order; raise `ConfigError` for wrong ones."""
    conditions = [parse(text) for text in arguments if is_condition(text)]
    return [Path(text) for text in arguments if not is_condition(text)], conditions


def parse(text: str) -> Condition:
    """Return the condition in `text`; raise `ConfigError` for an unknown column or a wrong value."""
    found = CONDITION.fullmatch(text)
    if found is None:
        raise ConfigError(
            f"wanted a condition such as KEY=VALUE or 'KEY<VALUE', found {text!r}",
            "for example model=efnn,dnn or 'relative_error<1e-3'",
        )
    key, sign, value = found.groups()
    check_key(key)
    values = tuple(part.strip() for part in value.split(","))
    if sign in ORDERS:
        if COLUMNS.get(key) is str:
            raise ConfigError(f"{key} is no number: {sign} has no meaning, found {text!r}", f"{key}=VALUE")
        if len(values) > 1 or _number(value) is None:
            raise ConfigError(f"{key}: wanted one number after {sign}, found {value!r}")
    elif "" in values:
        raise ConfigError(f"{key}: wanted a value, found {text!r}")
    elif COLUMNS.get(key) in (int, float):
        for each in values:
            rectangle = key == "L" and "x" in each
            if _number(each) is None and each.lower() not in MISSING and not rectangle:
                raise ConfigError(f"{key}: wanted a number, found {each!r}")
    return Condition(key, sign, _known_values(key, values))


def _known_values(key: str, values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the values, checked for `status`; `heisenberg` means both of its variants."""
    if key in keys.REGISTRIES:  # a plug-in becomes known by its file
        values = tuple(keys.REGISTRIES[key].load_file(value) if is_file_place(value) else value for value in values)
    if key == "system":
        values = tuple(kind for value in values for kind in kinds_named(value))
    for value in values if key == "status" else ():
        checks.one_of(key, value, STATUSES)
    return values


def check_key(key: str) -> None:
    """Raise `ConfigError` unless `key` is a column or a dotted name, which is checked against the runs later."""
    if key not in COLUMNS and "." not in key:
        raise ConfigError(f"unknown key {key!r}", checks.nearest(key, COLUMNS) or f"keys: {', '.join(COLUMNS)}")


def check_settings(keys: Iterable[str], rows: Sequence[RunRow]) -> None:
    """Raise `ConfigError` for a dotted name that none of the runs has a setting of."""
    known = {name for row in rows for name in row.settings}
    for key in keys:
        if rows and key not in COLUMNS and key not in known:
            raise ConfigError(f"no run has a setting {key!r}", checks.nearest(key, known))


def chosen(rows: Sequence[RunRow], conditions: Sequence[Condition]) -> list[RunRow]:
    """Return the rows that meet all conditions; raise `ConfigError` for a system or setting that no run can have."""
    check_settings([each.key for each in conditions], rows)
    known = dict.fromkeys([*KINDS, *SYSTEMS.files, *(str(row.get("system")) for row in rows)])
    for value in (value for each in conditions if each.key == "system" for value in each.values):
        checks.one_of("system", value, known)
    return [row for row in rows if all(each.holds(row) for each in conditions)]


def ordered(rows: Sequence[RunRow], key: str, *, reverse: bool) -> list[RunRow]:
    """Return rows by the value of `key`, ascending unless `reverse`; rows without one come last."""
    check_settings([key], rows)
    there = [row for row in rows if row.get(key) is not None]
    numbers = all(_is_number(row.get(key)) for row in there)
    there.sort(key=lambda row: row.get(key) if numbers else str(row.get(key)), reverse=reverse)
    return there + [row for row in rows if row.get(key) is None]
