"""The figures of a reproduction: their numbers, captions and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from efnn_cli import figures
from efnn_cli.report import Figure
from efnn_cli.runs.folder import RunFolder
from efnn_cli.runs.listing import read_row
from efnn_cli.studies import pictures, plots
from efnn_cli.studies.paper_results import Reproduction
from efnn_cli.studies.paper_tables import capital, size_column
from efnn_cli.studies.summary import LABELS, Group


def against_width(groups: Sequence[Group], quantity: str, stem: Path) -> Figure:
    """Error against width: a panel for each depth, or one panel with a line for each depth of a single network."""
    several = len({each.model for each in groups}) > 1
    lattice = groups[0].members[0].plan.system.geometry == "lattice"
    panels = {groups[0].title: groups}
    if several:
        depths = sorted({each.depth for each in groups})
        panels = {f"D = {depth}": [each for each in groups if each.depth == depth] for depth in depths}
    curves = {name: pictures.against_width(here, quantity, networks=several) for name, here in panels.items()}
    width, label = "channels C" if lattice else "width m", LABELS[quantity]
    bars = "; bars: sample standard deviation over the seeds" if any(len(each.members) > 1 for each in groups) else ""
    return _picture(
        figures.error_against(curves, width, f"{label}, test split", stem),
        f"{label} on the test split against the {width}{bars}.",
        f"{label} against the {width} for several {'networks' if several else 'depths'}",
    )


def against_size(networks: Mapping[str, Group], sizes: Sequence[int], trained_at: int, stem: Path) -> Figure:
    """Error and bias against L of every extrapolated network."""
    column = size_column(networks)
    errors, biases = (pictures.against_size(networks, sizes, key) for key in (column, "bias_per_site"))
    return _picture(
        figures.against_size({LABELS[column]: errors, figures.BIAS: biases}, trained_at, stem),
        f"{LABELS[column]} and bias per site, in units of the hopping or coupling, against the side of the lattice; "
        f"trained at L = {trained_at}. Bars hold the spread over the seeds and the sampling of the references. "
        "The relative error of a network that keeps its accuracy per site falls as 1/L (dashed): errors of independent "
        "places add like a random walk, and the energy is extensive.",
        "Error and bias against the side of the lattice",
    )


def times(result: Reproduction, stem: Path) -> Figure:
    """Seconds per configuration against L, by method."""
    series: dict[str, Sequence[tuple[float, float]]] = {name: list(points) for name, points in result.seconds.items()}
    published = result.experiment.preset.dense_seconds
    shown = sorted((float(size), published[size]) for size in result.experiment.scale.times if size in published)
    if len(shown) > 1:
        series = {"exact diagonalisation, published": shown, **series}
    return _picture(
        figures.times(series, stem),
        "Seconds per configuration against the side of the lattice, ours on one core; dashed: power laws fitted to the "
        "largest sizes.",
        "Seconds per configuration against the side of the lattice for networks and references",
    )


def learning_curve(group: Group, stem: Path) -> Figure:
    """Training and validation error against the epoch, of the first seed."""
    member = group.members[0]
    return _picture(
        plots.curve([read_row(RunFolder(member.run))]).draw(stem),
        f"Learning curve of {group.name}, seed {member.seed}.",
        "Training and validation error and learning rate against the epoch",
    )


def parity(groups: Sequence[Group], data: Path, stem: Path) -> Figure:
    """Predicted against true energies of the test split, of the first seed."""
    return _picture(
        plots.parity({each.name: each.members[0].run for each in groups}, data).draw(stem),
        f"Predicted against true energies per site on the test split, and residuals; seed {groups[0].members[0].seed}.",
        "Predicted against true energies, with a histogram of the residuals",
    )


def fields(group: Group, stem: Path) -> Figure:
    """Spins of the first test configuration with their fields, of the network and exact."""
    return _picture(
        plots.spins(read_row(RunFolder(group.members[0].run)), 0).draw(stem),
        "One configuration of the test split and the fields -dE/dS on its spins, the part perpendicular to "
        f"each spin: exact, and by differentiating {group.name}.",
        "Spins of a configuration with exact and predicted fields",
    )


def _picture(png: Path, caption: str, alt: str) -> Figure:
    return Figure(f"{png.stem}.svg", capital(caption), alt)
