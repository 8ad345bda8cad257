"""`efnn inspect FILE-or-RUN`: what is in a dataset, a checkpoint, predictions or a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from efnn_cli.cli.completion import complete_file_or_run
from efnn_cli.cli.execution import command
from efnn_cli.cli.options import path_argument

if TYPE_CHECKING:
    from efnn_cli.core.console import Console
    from efnn_cli.core.results import Result


@command
def inspect(
    console: Console,
    path: Annotated[
        Path,
        path_argument(
            metavar="FILE-or-RUN",
            help="Dataset, checkpoint, predictions or run.",
            autocompletion=complete_file_or_run,
        ),
    ],
) -> Result:
    """Show a dataset, a checkpoint, predictions or a run, its checksum verified."""
    from efnn_cli.config.recipes import flat
    from efnn_cli.core.results import Result
    from efnn_cli.core.table import facts
    from efnn_cli.runs.describe import describe, text

    found = describe(path)
    return Result("inspect", found, tables=[facts({key: text(value) for key, value in flat(found)})])
