"""`efnn inspect FILE-or-RUN`: what is in a dataset, a checkpoint, predictions or a run folder."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from efnn_cli.cli.completion import complete_file_or_run
from efnn_cli.cli.execution import command
from efnn_cli.cli.options import Verbose, path_argument

if TYPE_CHECKING:
    from efnn_cli.core.console import Console
    from efnn_cli.core.results import Result

LOGGER = logging.getLogger("efnn")


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
    verbose: Verbose = False,
) -> Result:
    """Show a dataset, a checkpoint, predictions or a run, its checksum verified.

    A summary; -v and --json show everything.
    """
    from efnn_cli.core.results import Result
    from efnn_cli.core.table import facts
    from efnn_cli.runs.describe import describe, flat, short, text

    found = describe(path)
    every = flat(found)
    rows = every if verbose else short(every)
    if len(rows) < len(every):
        LOGGER.info("%d of %d rows: -v shows all", len(rows), len(every))
    return Result("inspect", found, tables=[facts({key: text(key, value) for key, value in rows.items()})])
