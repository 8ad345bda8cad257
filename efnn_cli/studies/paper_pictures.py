"""The figures of a reproduction: their numbers, captions and files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from efnn_cli import figures
from efnn_cli.evaluation.evaluation_set import evaluation_set
from efnn_cli.figures import Curve
from efnn_cli.report import Figure
from efnn_cli.runs.folder import RunFolder
from efnn_cli.runs.listing import read_row
from efnn_cli.runs.loading import load
from efnn_cli.studies import plots
from efnn_cli.studies.paper_results import Reproduction
from efnn_cli.studies.paper_tables import capital, extrapolated, size_column
from efnn_cli.studies.summary import LABELS, Group


def against_width(result: Reproduction, sweep: str, folder: Path) -> Figure:
    """Error against width: a panel for each depth, or one panel with a line for each depth of a single network."""
    groups = result.groups[sweep]
    quantity = result.quantity
    several = len({each.model for each in groups}) > 1
    lattice = groups[0].members[0].plan.system.geometry == "lattice"
    panels: dict[str, list[Curve]] = {}
    depths = sorted({each.depth for each in groups})
    if several:
        panels = {f"D = {depth}": list(_curves(groups, "model", depth, quantity)) for depth in depths}
    else:
        panels = {groups[0].title: [curve for depth in depths for curve in _curves(groups, "depth", depth, quantity)]}
    width = "channels C" if lattice else "width m"
    label = f"{LABELS[quantity]}, test split"
    what = "networks" if several else "depths"
    return _picture(
        figures.error_against(panels, width, label, folder / f"{result.experiment.preset.name}-{sweep}"),
        f"{LABELS[quantity]} on the test split against the {width}; bars: sample standard deviation over the seeds.",
        f"{LABELS[quantity]} against the {width} for several {what}",
    )


def _curves(groups: Sequence[Group], kind: str, depth: int, quantity: str) -> Iterator[Curve]:
    here = [each for each in groups if each.depth == depth]
    for model in dict.fromkeys(each.model for each in groups):
        mine = sorted((each for each in here if each.model == model), key=lambda each: each.width)
        if mine:
            name = mine[0].title if kind == "model" else f"D = {depth}"
            yield Curve(name, [(float(each.width), *each.test(quantity)) for each in mine])


def against_size(result: Reproduction, folder: Path) -> Figure:
    """Error and bias against L of every extrapolated network."""
    groups = extrapolated(result)
    column = size_column(groups)
    errors, biases = (
        [Curve(name, points) for name, group in groups if (points := group.against_size(result.experiment.sizes, key))]
        for key in (column, "bias_per_site")
    )
    stem = folder / f"{result.experiment.preset.name}-sizes"
    return _picture(
        figures.error_and_bias(errors, biases, result.size, LABELS[column], stem),
        f"{LABELS[column]} and bias per site, in units of the hopping or coupling, against the side of the lattice; "
        "trained at the marked size.",
        "Error and bias against the side of the lattice",
    )


def times(result: Reproduction, folder: Path) -> Figure:
    """Seconds per configuration against L, by method."""
    series: dict[str, Sequence[tuple[float, float]]] = {name: list(points) for name, points in result.seconds.items()}
    published = result.experiment.preset.published.dense_seconds
    timed = result.experiment.scale.times
    shown = sorted((float(size), seconds) for size, seconds in published.items() if int(size) in timed)
    if len(shown) > 1:
        series = {"exact diagonalisation, published": shown, **series}
    return _picture(
        figures.times(series, folder / f"{result.experiment.preset.name}-times"),
        "Seconds per configuration against the side of the lattice, ours on one core; dashed: power laws fitted to the "
        "largest sizes.",
        "Seconds per configuration against the side of the lattice for networks and references",
    )


def learning_curve(result: Reproduction, group: Group, folder: Path) -> Figure:
    """Training and validation error against the epoch, seed 0."""
    member = group.members[0]
    stem = folder / f"{result.experiment.preset.name}-curve"
    return _picture(
        plots.curve([read_row(RunFolder(member.run))]).draw(stem),
        f"Learning curve of the {group.title}, D = {group.depth} with the default recipe, seed {member.seed}.",
        "Training and validation error and learning rate against the epoch",
    )


def parity(result: Reproduction, groups: Sequence[Group], folder: Path) -> Figure:
    """Predicted against true energies of the test split, seed 0."""
    members = [load(group.members[0].run, "cpu") for group in groups]
    task = evaluation_set(members, result.data, "test", drop_seen=False)
    found = task.predictions(lambda: None)
    sites = members[0].system.sites
    names = [each.title if each.width == 0 else f"{each.title}, D = {each.depth}" for each in groups]
    panels = {name: np.asarray(values) / sites for name, values in zip(names, found, strict=True)}
    return _picture(
        figures.parity(panels, task.true / sites, folder / f"{result.experiment.preset.name}-parity"),
        "Predicted against true energies per site on the test split, and residuals; seed 0.",
        "Predicted against true energies, with a histogram of the residuals",
    )


def effective_fields(result: Reproduction, group: Group, folder: Path) -> Figure:
    """Spins of the first test configuration with their effective fields, of the network and exact."""
    stem = folder / f"{result.experiment.preset.name}-spins"
    return _picture(
        plots.spins(read_row(RunFolder(group.members[0].run)), 0).draw(stem),
        "One configuration of the test split and the effective fields -dE/dS on its spins, the part perpendicular to "
        "each spin: exact, and by differentiating the network.",
        "Spins of a configuration with exact and predicted effective fields",
    )


def _picture(png: Path, caption: str, alt: str) -> Figure:
    return Figure(f"{png.stem}.svg", capital(caption), alt)
