"""`efnn plot KIND [RUN...]`: a figure of one or many runs, as PNG, SVG and PDF, with a CSV of the data drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from efnn_cli.cli.completion import FIGURES, complete_figure
from efnn_cli.cli.execution import command
from efnn_cli.cli.options import Overwrite, TestData, path_option

if TYPE_CHECKING:
    from efnn_cli.core.console import Console
    from efnn_cli.core.results import Result


@command
def plot(
    console: Console,
    arguments: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="KIND [RUN]... [KEY=VALUE]...",
            help="curve, parity, width, parameters, samples, sizes, times, spins or sample; RUNs, or conditions.",
            autocompletion=complete_figure,
        ),
    ] = None,
    data: TestData = None,
    out: Annotated[
        Optional[Path],
        path_option("--out", metavar="STEM", help="Write STEM.png, STEM.svg, STEM.pdf and STEM.csv."),
    ] = None,
    overwrite: Overwrite = False,
) -> Result:
    """Draw a figure of runs, with a CSV of the data drawn beside it.

    Example: efnn plot width system=three_spin model=efnn,dnn

    curve: learning curves; parity: predicted against true energies; width, parameters, samples: error over many runs;
    sizes, times: what efnn extrapolate found, against L; spins: a configuration (index=0) and its fields -dE/dS;
    sample FILE: chains of efnn sample, with series, histograms, autocorrelation and structure factor.
    Without RUN the most recent one; for errors over many runs all finished ones.
    """
    from efnn_cli.core.errors import ConfigError
    from efnn_cli.core.results import Result, shown
    from efnn_cli.core.table import facts
    from efnn_cli.storage import atomic
    from efnn_cli.studies import plot_kinds

    kind, rest = split_kind(arguments or ())
    if data is not None and kind != "parity":
        raise ConfigError(f"--data belongs to efnn plot parity, found it with {kind}")
    if out is not None:
        plot_kinds.claim(out, overwrite=overwrite)
    drawing = plot_kinds.prepare(kind, rest, data)
    out = out or plot_kinds.default_stem(kind, drawing)
    files = plot_kinds.files_of(out)
    atomic.make_folder(out.parent)
    drawing.draw(files["figure"].with_suffix(""))
    outputs = {name: shown(path) for name, path in files.items()}
    return Result("plot", {"kind": kind, **drawing.metrics}, outputs, tables=[facts({"kind": kind})])


def split_kind(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """Return KIND, the first word that is no condition, and the rest; raise `ConfigError` for another word."""
    from efnn_cli.core import checks
    from efnn_cli.core.errors import ConfigError
    from efnn_cli.runs.filters import is_condition

    words = [text for text in arguments if not is_condition(text)]
    if not words:
        raise ConfigError(f"wanted a KIND of figure: one of {', '.join(FIGURES)}", "efnn plot curve")
    if words[0] not in FIGURES:
        raise ConfigError(
            f"wanted a KIND of figure: one of {', '.join(FIGURES)}, found {words[0]!r}",
            checks.nearest(words[0], FIGURES) or "for example efnn plot curve",
        )
    rest = list(arguments)
    rest.remove(words[0])
    return words[0], rest
