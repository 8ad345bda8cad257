"""extrapolation.csv: errors against the size of the lattice, of one set of weights, joined over many commands."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from efnn_cli.core.errors import ConflictError, InputError
from efnn_cli.core.size import length
from efnn_cli.evaluation.size_errors import ENSEMBLE_FIGURES, FIGURES, LATER, SizeErrors
from efnn_cli.storage import atomic, documents
from efnn_cli.storage.dataset import EXTERNAL
from efnn_cli.storage.lock import awaited
from efnn_cli.training.metrics import bias_error, mean_and_spread, sampling_error, share

HEAD = ("weights", "sampling", "spin_temperature", "seed")
COLUMNS = [*HEAD, *FIGURES, *ENSEMBLE_FIGURES]
NOT_ALWAYS = ("spin_temperature", *LATER, *ENSEMBLE_FIGURES)  # columns that older tables do not have
WHOLE = ("seed", "samples")
WORDS = ("weights", "sampling", "spin_temperature", "L", "reference")
OF_REFERENCE = ("reference_seconds_per_configuration", "speedup")  # unknown for imported energies
MAY_BE_EMPTY = ("relative_error", "rmse_over_std", *OF_REFERENCE, *LATER, *ENSEMBLE_FIGURES)
METHODS = {"dense": "exact diagonalisation", "determinant": "determinant", "formula": "formula", EXTERNAL: "imported"}
FORMS = {
    "weights": re.compile(r"[0-9a-f]{8}"),
    "sampling": re.compile(r"[a-z_]{1,40}"),
    "spin_temperature": re.compile(r"([0-9.e+-]{1,30}(:[0-9.e+-]{1,30})?)?"),
    "L": re.compile(r"[1-9]\d{0,8}(x[1-9]\d{0,8})?"),
    "reference": re.compile("|".join(METHODS)),
}
IDENTITY = (*HEAD, "L", "samples", "reference")

Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Drawn:
    """The way references were drawn."""

    sampling: str
    spin_temperature: str
    """Empty for samplings without a temperature, LOW:HIGH for a ladder."""
    seed: int

    @classmethod
    def of(cls, metadata: Mapping[str, Any]) -> Drawn:
        """Return it for the metadata of a dataset."""
        bath = metadata.get("thermal") or {}
        ends = [f"{bath[key]:g}" for key in ("temperature", "highest") if key in bath]
        return cls(metadata["sampling"], ":".join(ends), metadata["seed"])


class SizeTable:
    """The table at `path` of the network with these `weights` (a digest).

    Rows of other weights are dropped from a run's own table, and refused in a folder that the user named.
    """

    def __init__(self, path: Path, weights: str, *, own_folder: bool, overwrite: bool = False) -> None:
        self.path = path
        self.weights = weights
        self.replaces = own_folder or overwrite

    def check(self) -> None:
        """Raise `ConflictError` where the table is of another network, `InputError` where it is no table."""
        if any(row["weights"] != self.weights for row in read_table(self.path)) and not self.replaces:
            raise ConflictError(
                f"{self.path} holds the errors of another run, or of other weights of this one",
                "choose another --out, or --overwrite it",
            )

    def merge(self, rows: Sequence[SizeErrors], drawn: Drawn, check_stop: Callable[[], None]) -> Rows:
        """Add `rows`, replacing earlier ones of references that were drawn alike; return all rows.

        Holds the lock of the table meanwhile.
        """
        head = {"weights": self.weights, **asdict(drawn)}
        fresh = [
            {name: "" if value is None else str(value) for name, value in {**head, **row.as_cells()}.items()}
            for row in rows
        ]
        with awaited(self.path, check_stop):
            self.check()
            taken = {_identity(row) for row in fresh}
            kept = [
                row for row in read_table(self.path) if row["weights"] == self.weights and _identity(row) not in taken
            ]
            merged = sorted(kept + fresh, key=_place)
            atomic.remove_leftovers(self.path)
            atomic.write_text(self.path, documents.table_text(COLUMNS, merged))
        return merged

    def rows(self) -> Rows:
        """Return the rows of these weights."""
        return [row for row in read_table(self.path) if row["weights"] == self.weights]


def size_quantity(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the error to show of `rows`: `relative_error` where all of them define it, else `rmse_over_std`."""
    return "relative_error" if all(row["relative_error"] for row in rows) else "rmse_over_std"


def read_table(path: Path) -> Rows:
    """Return the rows of the table at `path`, none where it is missing; raises `InputError` for another table.

    Older tables have no columns of ensembles.
    """
    if not os.path.exists(path):
        return []
    try:
        needed = [name for name in COLUMNS if name not in NOT_ALWAYS]
        found = documents.read_table(path, needed, whole=WHOLE, words=WORDS, may_be_empty=MAY_BE_EMPTY)
        rows = [dict.fromkeys(COLUMNS, "") | row for row in found]
        for row in rows:
            _check(path, row)
    except InputError as error:
        raise InputError(error.message, "move it away; the same efnn extrapolate then makes another one") from error
    return rows


def _check(path: Path, row: dict[str, str]) -> None:
    """Raise `InputError` for other columns, and for values that no table has."""
    if list(row) != COLUMNS:
        raise InputError(f"{path} is not an extrapolation table of this efnn")
    good = {name: form.fullmatch(row[name]) is not None for name, form in FORMS.items()}
    good |= {name: int(row[name]) > 0 for name in ("samples",)}
    for name, holds in good.items():
        if not holds:
            raise InputError(f"{path}: a row has no valid {name}, found {row[name][:20]!r}")


def _place(row: dict[str, str]) -> tuple[object, ...]:
    """Return the key to sort rows by."""
    return row["sampling"], row["spin_temperature"], int(row["seed"]), length(row["L"])


def _identity(row: dict[str, str]) -> tuple[str, ...]:
    return tuple(row[name] for name in IDENTITY)


Points = list[tuple[float, float, float]]
"""L, a value, and its standard error."""


def curves(rows: Rows, column: str) -> dict[str, Points]:
    """Return an error against L, one curve for every sampling and seed, from the row with most samples at each L."""
    return _against_size(rows, lambda row: float(row[column] or 0), column)


def spreads(rows: Rows, column: str) -> dict[str, Points]:
    """Return the spread of the members in the unit of the error `column`, as `curves` does for the error."""

    def spread(row: dict[str, str]) -> float:
        ratio = float(row["error_over_spread"] or 0)
        return float(row[column] or 0) / ratio if ratio > 0 else 0.0

    return _against_size(rows, spread, column)


def _against_size(
    rows: Sequence[dict[str, str]], value: Callable[[dict[str, str]], float], column: str
) -> dict[str, Points]:
    """Return values above zero against L; name the seeds where there are several."""
    many = len({row["seed"] for row in rows}) > 1
    found: dict[str, dict[float, tuple[int, float, float]]] = {}
    for row in rows:
        if 0 < value(row) < math.inf:
            name = sampling_of(row) + (f", seed {row['seed']}" if many else "")
            best = found.setdefault(name, {})
            size = length(row["L"])
            best[size] = max((int(row["samples"]), value(row), bias_share(row)), best.get(size, (0, 0.0, 0.0)))
    return {
        name: [
            (L, error, sampling_error(column, error, samples, biased))
            for L, (samples, error, biased) in sorted(best.items())
        ]
        for name, best in found.items()
    }


def sampling_of(row: Mapping[str, str]) -> str:
    """Return the sampling of a row and its spin temperature, in words."""
    temperature = f", T = {row['spin_temperature']}" if row["spin_temperature"] else ""
    return row["sampling"].replace("_", " ") + temperature


def bias_share(row: Mapping[str, str]) -> float:
    """Return bias / RMSE of a row."""
    return share(float(row["bias_per_site"]), float(row["rmse_per_site"]))


def mean_and_bar(lines: Rows, column: str) -> tuple[float, float]:
    """Return the mean of a column over seeds; its bar holds their spread and the sampling of the references."""
    mean, spread = mean_and_spread([float(line[column]) for line in lines])
    samples = int(lines[0]["samples"])
    if column == "bias_per_site":
        sampling = bias_error(float(lines[0]["rmse_per_site"]), float(lines[0][column]), samples)
    else:
        sampling = sampling_error(column, mean, samples, bias_share(lines[0]))
    return mean, math.hypot(spread or 0.0, sampling)
