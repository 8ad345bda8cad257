"""Options that several commands share, with their help."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from efnn_cli.cli import completion
from efnn_cli.cli.help import OUTPUT
from efnn_cli.physics import SYSTEMS

# The commands themselves check files (exit code 3): Typer would call an unreadable one a usage error.
path_option = functools.partial(typer.Option, readable=False, metavar="FILE")
path_argument = functools.partial(typer.Argument, readable=False)

SYSTEM_NAMES = " or ".join(", ".join(sorted(SYSTEMS.built_in)).rsplit(", ", 1))
LATTICE_SYSTEMS = "double_exchange or heisenberg"

Overrides = Annotated[
    Optional[list[str]],
    typer.Argument(
        metavar="[KEY=VALUE]...",
        help="Settings; efnn config shows all keys.",
        autocompletion=completion.complete_settings,
    ),
]
Device = Annotated[
    Optional[str],
    typer.Option(
        "--device",
        metavar="NAME",
        help="auto (CUDA if there, else CPU), cpu, cuda, cuda:INDEX, mps.",
        autocompletion=completion.complete_device,
    ),
]
Workers = Annotated[
    Optional[str],
    typer.Option("--workers", metavar="N", help="Labels or groups of chains side by side (default: all cores)."),
]
Seed = Annotated[Optional[str], typer.Option("--seed", metavar="N", help="Seed of the spins (default: 0).")]
Coverage = Annotated[
    Optional[float],
    typer.Option("--coverage", metavar="P", help="Error bars that hold with probability P, such as 0.95."),
]
OutFile = Annotated[Optional[Path], path_option("--out", metavar="FILE", help="Write this file, .h5 or .hdf5.")]
Normalise = Annotated[bool, typer.Option("--normalise", help="Scale the spins of --spins to length one.")]
OutFolder = Annotated[
    Optional[Path], path_option("--out", metavar="DIR", help="Write into this folder instead of the usual one.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything and show the plan; write nothing.")]
Multirun = Annotated[
    bool, typer.Option("-m", "--multirun", help="A sweep: every combination of KEY=V1,V2 and 'KEY=range(3)'.")
]
Count = Annotated[bool, typer.Option("--count", help="Of a sweep: print the number of runs and train nothing.")]
ArrayIndex = Annotated[
    Optional[int], typer.Option("--array-index", metavar="I", help="Of a sweep: train run number I alone, from 0.")
]
ConfigDir = Annotated[
    Optional[Path],
    path_option("--config-dir", metavar="DIR", help="A folder with YAML files of your own, laid out like conf/."),
]
Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object.", rich_help_panel=OUTPUT)]
Quiet = Annotated[
    bool, typer.Option("-q", "--quiet", help="Only warnings and errors on stderr.", rich_help_panel=OUTPUT)
]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="More on stderr.", rich_help_panel=OUTPUT)]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.", rich_help_panel=OUTPUT)]
Shards = Annotated[
    Optional[int], typer.Option("--shards", metavar="N", help="Share the work among N jobs; efnn merge joins them.")
]
ShardIndex = Annotated[Optional[int], typer.Option("--shard-index", metavar="I", help="Which of them: 0 to N - 1.")]
Samples = Annotated[
    Optional[str], typer.Option("--samples", metavar="N", help="Number of configurations (default: 20000).")
]
ReferenceSamples = Annotated[
    Optional[str], typer.Option("--samples", metavar="N", help="References per size (default: 64, 16 or 4 by size).")
]
Size = Annotated[
    Optional[str],
    typer.Option("--L", metavar="N", help="Side of the lattice, 12x8 for a rectangle, or number of spins."),
]
LatticeSize = Annotated[
    Optional[str], typer.Option("--L", metavar="N", help="Side of the lattice, 12x8 for a rectangle.")
]


def _system_argument(names: str) -> Any:
    """Return the argument of one of the systems `names` and of settings."""
    return typer.Argument(
        metavar="SYSTEM [KEY=VALUE]...",
        help=f"{names}, or FILE.py:CLASS; settings.",
        autocompletion=completion.complete_system,
    )


SystemAndOverrides = Annotated[Optional[list[str]], _system_argument(SYSTEM_NAMES)]
LatticeSystemAndOverrides = Annotated[Optional[list[str]], _system_argument(LATTICE_SYSTEMS)]
RunAndOverrides = Annotated[
    Optional[list[str]],
    typer.Argument(
        metavar="RUN [KEY=VALUE]...",
        help="Run folder, or a checkpoint file in it; settings.",
        autocompletion=completion.complete_runs,
    ),
]
RunsAndOverrides = Annotated[
    Optional[list[str]],
    typer.Argument(
        metavar="[RUN]... [KEY=VALUE]...",
        help="Run folders (default: the most recent); settings.",
        autocompletion=completion.complete_runs,
    ),
]
Models = Annotated[
    Optional[str],
    typer.Option(
        "--models",
        metavar="NAME[,NAME...]",
        help="Networks (default: all that fit).",
        autocompletion=completion.complete_models,
    ),
]
TrainingData = Annotated[
    Optional[Path],
    path_option(
        "--data",
        help="Training dataset (default: the most recent in data/).",
        autocompletion=completion.complete_dataset,
    ),
]
TrainingSets = Annotated[
    Optional[list[Path]],
    path_option(
        "--data",
        help="Training dataset (default: the most recent in data/); may be repeated.",
        autocompletion=completion.complete_dataset,
    ),
]
TestData = Annotated[
    Optional[Path],
    path_option(
        "--data",
        help="Dataset (default: the test split of the run's own).",
        autocompletion=completion.complete_dataset,
    ),
]
GivenData = Annotated[
    Optional[list[Path]],
    path_option(
        "--data",
        help="Labelled configurations of your own, of any size, instead of new references; may be repeated.",
        autocompletion=completion.complete_dataset,
    ),
]
Sizes = Annotated[
    Optional[str],
    typer.Option(
        "--L", metavar="N[,N...]", help="Sizes such as 20,12x8 (default: 1, 2 and 4 times the training lattice)."
    ),
]
Init = Annotated[
    Optional[Path],
    path_option(
        "--init",
        metavar="RUN",
        help="Start with the weights of RUN, on any dataset with spins of this shape.",
        autocompletion=completion.complete_run_folder,
    ),
]
Extend = Annotated[
    Optional[Path],
    path_option(
        "--extend",
        metavar="RUN",
        help="Continue the finished RUN as a new run with more epochs=...",
        autocompletion=completion.complete_run_folder,
    ),
]
Resume = Annotated[
    Optional[Path],
    path_option(
        "--resume",
        metavar="DIR",
        help="Go on with the run in DIR.",
        autocompletion=completion.complete_run_folder,
    ),
]
