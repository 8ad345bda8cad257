"""`efnn import FILE...`: a dataset of configurations whose labels come from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from efnn_cli.cli.execution import command
from efnn_cli.cli.options import OutFile, Overwrite, path_argument, path_option

if TYPE_CHECKING:
    from efnn_cli.core.console import Console
    from efnn_cli.core.results import Result


@command
def import_(
    console: Console,
    files: Annotated[list[Path], path_argument(metavar="FILE...", help=".npz, .npy, HDF5, or columns of text.")],
    columns: Annotated[
        Optional[str],
        typer.Option("--columns", metavar="NAMES", help="Columns of text: x,y,_,sx,sy,sz,fx,fy,fz (_: pass over)."),
    ] = None,
    spins_key: Annotated[
        Optional[str], typer.Option("--spins-key", metavar="NAME", help="Array of the spins (default: spins).")
    ] = None,
    energies_key: Annotated[
        Optional[str], typer.Option("--energies-key", metavar="NAME", help="Array of the energies (default: energies).")
    ] = None,
    fields_key: Annotated[
        Optional[str], typer.Option("--fields-key", metavar="NAME", help="Array of the fields (default: fields).")
    ] = None,
    energies: Annotated[
        Optional[Path], path_option("--energies", help="A file with one energy a configuration.")
    ] = None,
    field_kind: Annotated[
        Optional[str],
        typer.Option(
            "--field-kind", metavar="KIND", help="field -dE/dS (default), gradient dE/dS, or torque S x (-dE/dS)."
        ),
    ] = None,
    normalise: Annotated[bool, typer.Option("--normalise", help="Scale the spins to length one.")] = False,
    energy_unit: Annotated[
        Optional[str], typer.Option("--energy-unit", metavar="UNIT", help="Unit of the energies, such as meV.")
    ] = None,
    note: Annotated[Optional[str], typer.Option("--note", help="Where the data come from; kept with them.")] = None,
    out: OutFile = None,
    overwrite: Overwrite = False,
) -> Result:
    """Make a dataset of configurations with energies or fields from elsewhere: its system is `external`.

    Example: efnn import dft.npz --energy-unit meV

    Spins: unit vectors (samples, 3, Lx, Ly), or real numbers (samples, n).
    Energies: (samples,). Fields: the shape of the spins.
    Text has one configuration a file, one site a line.
    Several sizes make several datasets; docs/files.md has examples.
    efnn train takes the recipe of double_exchange without rotated copies
    (lattice), or that of the infinite-range model (n numbers).
    """
    from efnn_cli.datasets import importing, importing_results
    from efnn_cli.datasets.importing_arrays import Keys

    options = importing.ImportOptions(
        keys=Keys(spins_key, energies_key, fields_key),
        columns=columns,
        energies=energies,
        field_kind=field_kind,
        normalise=normalise,
        unit=energy_unit,
        note=note,
    )
    datasets = importing.read_datasets(files, options)
    inputs = files if energies is None else [*files, energies]
    paths = importing_results.store(datasets, inputs, out, overwrite=overwrite)
    return importing_results.report(datasets, paths)
