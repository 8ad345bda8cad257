"""Figures of `efnn plot` by their kind, with everything that they draw, and the files that they become."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from efnn_cli.config.fingerprint import fingerprint
from efnn_cli.core.errors import ConfigError
from efnn_cli.core.results import shown
from efnn_cli.core.signals import StopRequest
from efnn_cli.figures import SUFFIXES, beside
from efnn_cli.runs.filters import split_conditions
from efnn_cli.runs.folder import OUTPUTS
from efnn_cli.runs.listing import RunRow
from efnn_cli.storage.output import claim_file, refuse_nameless
from efnn_cli.studies import plots
from efnn_cli.studies.plot_selection import Drawing, limit, names, select

MANY: dict[str, Callable[[Sequence[RunRow]], Drawing]] = {
    key: partial(plots.against, key) for key in ("width", "parameters", "samples")
}
FEW: dict[str, Callable[[Sequence[RunRow]], Drawing]] = {
    "curve": plots.curve,
    "sizes": plots.sizes,
    "times": plots.times,
}
PLOTS = OUTPUTS / "plots"
FOREIGN = (".eps", ".gif", ".jpeg", ".jpg", ".ps", ".tif", ".tiff", ".webp")


def claim(out: Path, *, overwrite: bool) -> None:
    """Raise unless the files of the figure `out` may be written."""
    refuse_nameless(out, "NAME")
    for path in files_of(out).values():
        claim_file(path, overwrite)


def default_stem(kind: str, drawing: Drawing) -> Path:
    """Return a path in outputs/plots, named by the runs and settings of the figure."""
    return PLOTS / f"{kind}-{fingerprint({'kind': kind, **drawing.identity})}"


def prepare(kind: str, arguments: Sequence[str], data: Path | None) -> Drawing:
    """Return the figure with everything that it draws."""
    if kind == "spins":
        return prepare_spins(arguments)
    if kind == "sample":
        return plots.sample(arguments)
    paths, conditions = split_conditions(arguments)
    rows = select(paths, conditions, many=kind in MANY)
    if kind != "parity":
        return (MANY | FEW)[kind](rows)
    limit(rows)
    runs = {name: row.folder.path for name, row in names(rows).items()}
    with StopRequest("nothing was written; the same command starts again") as stop:
        return plots.parity(runs, data, stop.check)


def prepare_spins(arguments: Sequence[str]) -> Drawing:
    """Return the figure of one configuration of one run; `index` is a setting here, no condition."""
    sign = "index="
    indices = [text.removeprefix(sign) for text in arguments if text.startswith(sign)]
    paths, conditions = split_conditions([text for text in arguments if not text.startswith(sign)])
    if len(indices) > 1 or not all(text.isdecimal() for text in indices):
        raise ConfigError(f"{sign[:-1]}: wanted one integer from 0 up, found {','.join(indices)!r}", "index=0")
    rows = select(paths, conditions, many=False)
    if len(rows) > 1:
        raise ConfigError(f"wanted one run, found {len(rows)}", f"efnn plot spins {shown(rows[0].folder.path)}")
    return plots.spins(rows[0], int(indices[0]) if indices else 0)


def files_of(out: Path) -> dict[str, Path]:
    """Return the files of a figure by their names in the result: STEM.png, .svg, .pdf and .csv.

    `out` is STEM or one of these files. Raises `ConfigError` for another format of pictures.
    """
    suffix = out.suffix.lower()
    if suffix in FOREIGN:
        raise ConfigError(
            f"--out: wanted STEM, or STEM with {', '.join(SUFFIXES)}, found {out}",
            f"--out {out.with_suffix('.pdf')}",
        )
    stem = out.with_suffix("") if suffix in SUFFIXES else out
    return {name: beside(stem, each) for name, each in zip(("figure", "svg", "pdf", "csv"), SUFFIXES, strict=True)}
