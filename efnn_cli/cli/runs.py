"""`efnn runs`: the runs under outputs/ as a table, chosen and sorted."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from efnn_cli.cli.completion import complete_conditions
from efnn_cli.cli.execution import command
from efnn_cli.cli.options import Json

if TYPE_CHECKING:
    from efnn_cli.core.console import Console
    from efnn_cli.core.results import Result

LOGGER = logging.getLogger("efnn")


@command
def runs(
    console: Console,
    conditions: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="[KEY=VALUE]...",
            help="Only these runs: model=efnn,dnn, 'relative_error<1e-3', system.J=8.",
            autocompletion=complete_conditions,
        ),
    ] = None,
    sort: Annotated[
        Optional[str], typer.Option("--sort", metavar="KEY", help="By this column, the least first.")
    ] = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="The greatest first.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV with all columns.")] = False,
    json: Json = False,
) -> Result:
    """List the runs under outputs/: what they are, how far they came, their errors.

    Example: efnn runs system=three_spin 'parameters>=1000' --sort relative_error

    Networks of efnn learn, compare and reproduce are not among them: they lie in the folders of these studies, such as
    outputs/learn/STUDY/network-0. Commands that take RUN take them too.
    """
    from efnn_cli.core.errors import ConfigError
    from efnn_cli.core.results import Result
    from efnn_cli.runs import filters, table
    from efnn_cli.runs.folder import OUTPUTS
    from efnn_cli.runs.listing import list_runs

    if csv and json:
        raise ConfigError("--csv and --json were both given", "keep one of them")
    wanted = [filters.parse(text) for text in conditions or ()]
    if sort is not None:
        filters.check_key(sort)
    every = list_runs()
    if not every:
        LOGGER.info("there is no run in %s/ yet: efnn train model=efnn depth=3 makes one", OUTPUTS)
    rows = filters.chosen(every, wanted)
    if every and not rows:
        LOGGER.info("none of the %d runs in %s/ meets all conditions", len(every), OUTPUTS)
    if sort is not None or reverse:
        rows = filters.ordered(rows, sort or "run", reverse=reverse)
    metrics = {"rows": [dict(row.values) for row in rows]}
    if csv:
        return Result("runs", metrics, text=table.as_text_csv(rows))
    return Result("runs", metrics, tables=() if json else table.tables(rows, sort))
