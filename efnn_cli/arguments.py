"""Arguments and options that several commands share, with their help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

Overrides = Annotated[
    Optional[list[str]], typer.Argument(metavar="[KEY=VALUE]...", help="Settings; efnn config shows all keys.")
]
Device = Annotated[
    Optional[str], typer.Option("--device", help="auto (CUDA if there, else CPU), cpu, cuda, cuda:INDEX.")
]
Workers = Annotated[Optional[int], typer.Option("--workers", help="Labelling threads [default: all cores].")]
Seed = Annotated[Optional[int], typer.Option("--seed", help="Seed of the spins [default: 0].")]
Out = Annotated[Optional[Path], typer.Option("--out", help="Where to write instead of the usual place.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything and show the plan; write nothing.")]
ConfigDir = Annotated[
    Optional[Path], typer.Option("--config-dir", help="A folder with YAML files of your own, laid out like conf/.")
]
Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Only warnings and errors on stderr.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="More on stderr.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
RunsAndOverrides = Annotated[
    Optional[list[str]],
    typer.Argument(metavar="[RUN]... [KEY=VALUE]...", help="Run folders [default: the most recent]; settings."),
]
