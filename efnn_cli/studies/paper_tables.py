"""The numbers of a reproduction: CSV files with a line a run, and tables of means and spreads for the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from efnn_cli.core.numbers import with_error
from efnn_cli.evaluation.size_table import size_quantity
from efnn_cli.report import Table
from efnn_cli.storage import atomic
from efnn_cli.studies.paper_results import Reproduction
from efnn_cli.studies.paper_timing import BATCHED, DENSE, DETERMINANT, NETWORK, PUBLISHED_WAY
from efnn_cli.studies.summary import LABELS, Group, Member, clearly_least, thousands

HEAD = ("experiment", "sweep", "model", "depth", "width")
ERRORS = ("rmse", "relative_error", "rmse_over_std")
SIZE_FIGURES = (
    "L", "samples", "relative_error", "rmse_over_std", "rmse_per_site", "bias_per_site", "reference",
)  # fmt: skip


def write_runs(path: Path, every: Sequence[Reproduction]) -> None:
    """Write a line for every chosen run, with its errors."""
    errors = [(part, name) for part in ("val", "test") for name in ERRORS]
    took = ("parameters", "epochs", "seconds")
    lines: list[list[Any]] = [[*HEAD, "choice", "seed", *took, *(f"{part}_{name}" for part, name in errors), "run"]]
    for facts, group, member in _members(every):
        values = [member.metrics[name] for name in took] + [member.metrics[part][name] for part, name in errors]
        lines.append([*facts, group.settings, member.seed, *values, member.run.name])
    atomic.write_csv(path, lines)


def write_sizes(path: Path, every: Sequence[Reproduction]) -> None:
    """Write a line for every run at every size of its extrapolation."""
    lines: list[list[Any]] = [
        [*facts, member.seed, *(row[name] for name in SIZE_FIGURES)]
        for facts, _, member in _members(every)
        for row in member.sizes
    ]
    if lines:
        atomic.write_csv(path, [[*HEAD, "seed", *SIZE_FIGURES], *lines])


def _members(every: Sequence[Reproduction]) -> Iterator[tuple[list[Any], Group, Member]]:
    """Yield the cells under `HEAD`, and group and run that they name."""
    for result in every:
        for sweep, groups in result.groups.items():
            for group in groups:
                for member in group.members:
                    yield [result.experiment.name, sweep, group.model, group.depth, group.width], group, member


def by_network(groups: Sequence[Group], quantity: str) -> Table:
    """Return test errors with a row a depth and width, and a column a network; for one network a column a depth."""
    several = len({each.model for each in groups}) > 1
    rows_of: dict[str, dict[str, Group]] = {}
    for each in sorted(groups, key=lambda each: (each.depth, each.width) if several else (0, each.width)):
        row = f"D = {each.depth}, width {each.width}" if several else f"{each.title}, width {each.width}"
        rows_of.setdefault(row, {})[each.title if several else f"D = {each.depth}"] = each
    columns = list(dict.fromkeys((each.title if several else f"D = {each.depth}") for each in groups))
    rows = []
    for name, here in rows_of.items():
        cells = {column: with_error(*group.test(quantity)) for column, group in here.items()}
        least = clearly_least([group.compared(quantity) for group in here.values()])
        if least is not None:
            column = list(here)[least]
            cells[column] = f"**{cells[column]}**"
        rows.append([name, *(cells.get(column, "") for column in columns)])
    note = f"{seeds_note(groups)} Bold: the least of a row, where the next one is further away than both spreads."
    return Table(f"{capital(LABELS[quantity])} on the test split", ["", *columns], rows, note)


def details(groups: Sequence[Group]) -> Table:
    """Return a row for every network, depth and width: parameters, choice, epochs, seconds, errors."""
    chosen = ["chosen"] if any(each.choice for each in groups) else []
    head = ["", "parameters", *chosen, "epochs", "s/run", *(LABELS[name] for name in ERRORS)]
    rows = []
    for each in groups:
        choice = [each.settings] if chosen else []
        took = [f"{each.mean('epochs'):.0f}", f"{each.mean('seconds'):.3g}"]
        errors = [with_error(*each.test(name)) if each.defines(name) else "-" for name in ERRORS]
        rows.append([each.name, thousands(each.parameters), *choice, *took, *errors])
    return Table("Networks and errors on the test split", head, rows, seeds_note(groups))


def against_size(networks: Mapping[str, Group], sizes: Sequence[int]) -> Table:
    """Return a row for every size: errors of all extrapolated networks, and the bias per site of the first."""
    column = size_column(networks)
    first, *_ = networks
    samples = {int(row["L"]): row["samples"] for row in networks[first].members[0].sizes}
    rows = []
    for size in sizes:
        found = [group.at_size(size, column) for group in networks.values()]
        found.append(networks[first].at_size(size, "bias_per_site"))
        rows.append([str(size), samples.get(size, ""), *("" if each is None else with_error(*each) for each in found)])
    head = ["L", "references", *networks, f"bias per site, {first}"]
    caption = f"{capital(LABELS[column])} against L, without retraining"
    return Table(caption, head, rows, seeds_note(list(networks.values())))


def extrapolated(result: Reproduction) -> dict[str, Group]:
    """Return the networks evaluated at other sizes, by a name for tables and figures; the EFNN's own recipe first."""
    networks = [
        each
        for sweep in ("best", "effective", "others")
        for each in result.groups.get(sweep, ())
        if each.members and each.members[0].sizes
    ]
    short = [each.title if each.width == 0 else f"{each.title}, {each.mean('epochs'):.0f} epochs" for each in networks]
    return {
        name if short.count(name) == 1 else f"{name}, D = {each.depth}, width {each.width}": each
        for name, each in zip(short, networks, strict=True)
    }


def size_column(networks: Mapping[str, Group]) -> str:
    """Return the error to show against L: the relative error if it is defined at every size."""
    return size_quantity(row for group in networks.values() for member in group.members for row in member.sizes)


def times(result: Reproduction) -> Table:
    """Return seconds per configuration at every size, a column a method."""
    columns = {"published": result.experiment.preset.dense_seconds}
    columns |= {
        name: dict(result.seconds[name])
        for name in (PUBLISHED_WAY, DENSE, DETERMINANT, NETWORK, BATCHED)
        if name in result.seconds
    }
    sizes = sorted({size for name, points in columns.items() if name != "published" for size in points})
    rows = [
        [str(size), *(f"{points[size]:.2g}" if size in points else "" for points in columns.values())] for size in sizes
    ]
    note = "Ours on one core; the published column is exact diagonalisation on the authors' machine."
    return Table("Seconds per configuration", ["L", *columns], rows, note)


def capital(text: str) -> str:
    """Return `text` with a capital letter first."""
    return text[0].upper() + text[1:]


def seeds_note(groups: Sequence[Group]) -> str:
    """Return the number of seeds, and of runs without a result."""
    counts = sorted({len(each.members) for each in groups})
    lost = sum(each.lost for each in groups)
    many = " to ".join(str(count) for count in dict.fromkeys((counts[0], counts[-1])))
    text = f"Mean over {many} seeds; in brackets their sample standard deviation." if counts[-1] > 1 else "One seed."
    return text if not lost else f"{text} {lost} runs have no result."
