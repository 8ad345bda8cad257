"""The numbers of a reproduction: CSV files with a line a run, and tables of means and spreads for the report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from efnn_cli.report import Table
from efnn_cli.storage import atomic
from efnn_cli.studies.paper_results import Reproduction
from efnn_cli.studies.paper_timing import BATCHED, DENSE, DETERMINANT, NETWORK, PUBLISHED_WAY
from efnn_cli.studies.summary import LABELS, Group, thousands, with_spread

RUN_COLUMNS = ("experiment", "sweep", "model", "depth", "width", "choice", "seed", "parameters", "epochs", "seconds")
ERRORS = ("rmse", "relative_error", "rmse_over_std")
SIZE_HEAD = ("experiment", "sweep", "model", "depth", "width", "seed")
SIZE_FIGURES = (
    "L", "samples", "relative_error", "rmse_over_std", "rmse_per_site", "bias_per_site", "reference",
)  # fmt: skip


def write_runs(path: Path, every: Sequence[Reproduction]) -> None:
    """Write a line for every chosen run, with its errors."""
    head = [*RUN_COLUMNS, *(f"val_{name}" for name in ERRORS), *(f"test_{name}" for name in ERRORS), "run"]
    lines: list[list[Any]] = [head]
    for result, sweep, group in _groups(every):
        for member in group.members:
            metrics = member.metrics
            facts = [result.experiment.name, sweep, group.model, group.depth, group.width]
            took = [metrics["parameters"], metrics["epochs"], metrics["seconds"]]
            errors = [metrics[part][name] for part in ("val", "test") for name in ERRORS]
            lines.append([*facts, group.settings, member.seed, *took, *errors, member.run.name])
    atomic.write_csv(path, lines)


def write_sizes(path: Path, every: Sequence[Reproduction]) -> None:
    """Write a line for every run at every size of its extrapolation."""
    lines: list[list[Any]] = [[*SIZE_HEAD, *SIZE_FIGURES]]
    for result, sweep, group in _groups(every):
        facts = [result.experiment.name, sweep, group.model, group.depth, group.width]
        for member in group.members:
            for row in member.sizes:
                lines.append([*facts, member.seed, *(row[name] for name in SIZE_FIGURES)])
    if len(lines) > 1:
        atomic.write_csv(path, lines)


def _groups(every: Sequence[Reproduction]) -> Iterator[tuple[Reproduction, str, Group]]:
    for result in every:
        for sweep, groups in result.groups.items():
            for group in groups:
                yield result, sweep, group


def by_network(result: Reproduction, sweep: str) -> Table:
    """Return test errors with a row a depth and width, and a column a network; for one network a column a depth."""
    groups = result.groups[sweep]
    quantity = result.quantity
    several = len({each.model for each in groups}) > 1
    rows_of: dict[str, dict[str, Group]] = {}
    for each in sorted(groups, key=lambda each: (each.depth, each.width) if several else (0, each.width)):
        row = f"D = {each.depth}, width {each.width}" if several else f"{each.title}, width {each.width}"
        rows_of.setdefault(row, {})[each.title if several else f"D = {each.depth}"] = each
    columns = list(dict.fromkeys((each.title if several else f"D = {each.depth}") for each in groups))
    rows: list[list[str]] = []
    for name, here in rows_of.items():
        least = min(each.test(quantity)[0] for each in here.values())
        cells = [_marked(here.get(column), quantity, least if len(here) > 1 else None) for column in columns]
        rows.append([name, *cells])
    return Table(f"{capital(LABELS[quantity])} on the test split", ["", *columns], rows, note=seeds_note(groups))


def _marked(group: Group | None, quantity: str, least: float | None) -> str:
    """Return a test error, bold if it is the `least` of its row; empty without a group."""
    if group is None:
        return ""
    return error_cell(*group.test(quantity), best=group.test(quantity)[0] == least)


def details(result: Reproduction, sweep: str) -> Table:
    """Return a row for every network, depth and width: parameters, choice, epochs, seconds, errors."""
    groups = result.groups[sweep]
    chosen = any(each.choice for each in groups)
    head = [
        "",
        "parameters",
        *(["chosen"] if chosen else []),
        "epochs",
        "seconds a run",
        *(LABELS[name] for name in ERRORS),
    ]
    rows: list[list[str]] = []
    for each in groups:
        name = each.title if each.width == 0 else f"{each.title}, D = {each.depth}, width {each.width}"
        facts = [thousands(each.parameters)]
        facts += [each.settings] if chosen else []
        facts += [f"{each.mean('epochs'):.0f}", f"{each.mean('seconds'):.3g}"]
        rows.append([name, *facts, *(defined_cell(each, quantity) for quantity in ERRORS)])
    return Table("Networks and errors on the test split", head, rows, note=seeds_note(groups))


def defined_cell(group: Group, quantity: str) -> str:
    """Return a test error, or `-` if it is not defined for every run."""
    if not group.defines(quantity):
        return "-"
    return error_cell(*group.test(quantity))


def against_size(result: Reproduction) -> Table:
    """Return a row for every size: errors of all extrapolated networks, and the bias per site of the first."""
    networks = extrapolated(result)
    column = size_column(networks)
    head = ["L", "references", *(name for name, _ in networks), "bias of the first, per site"]
    rows: list[list[str]] = []
    for size in result.experiment.sizes:
        cells = [_at(each, size, column) for _, each in networks]
        one = networks[0][1]
        samples = next((row["samples"] for row in one.members[0].sizes if int(row["L"]) == size), "")
        rows.append([str(size), str(samples), *cells, _at(one, size, "bias_per_site")])
    return Table(
        "Relative error against L, without retraining", head, rows, note=seeds_note([each for _, each in networks])
    )


def extrapolated(result: Reproduction) -> list[tuple[str, Group]]:
    """Return the networks evaluated at other sizes, by a name for tables and figures; the default recipe first."""
    networks = [
        each
        for sweep in ("best", "effective", "rivals")
        for each in result.groups.get(sweep, ())
        if each.members and each.members[0].sizes
    ]
    short = [each.title if each.width == 0 else f"{each.title}, {each.mean('epochs'):.0f} epochs" for each in networks]
    return [
        (name if short.count(name) == 1 else f"{name}, D = {each.depth}, width {each.width}", each)
        for name, each in zip(short, networks, strict=True)
    ]


def size_column(networks: Sequence[tuple[str, Group]]) -> str:
    """Return the error to show against L: the relative error if it is defined at every size."""
    rows = [row for _, group in networks for member in group.members for row in member.sizes]
    return "relative_error" if all(row["relative_error"] for row in rows) else "rmse_over_std"


def capital(text: str) -> str:
    """Return `text` with a capital letter first."""
    return text[0].upper() + text[1:]


def _at(group: Group, size: int, column: str) -> str:
    value = group.at_size(size, column)
    return "" if value is None else error_cell(*value)


def times(result: Reproduction) -> Table:
    """Return seconds per configuration at every size, a column a method."""
    published = {int(size): value for size, value in result.experiment.preset.published.dense_seconds.items()}
    methods = [PUBLISHED_WAY, DENSE, DETERMINANT, NETWORK, BATCHED]
    found = {name: dict(points) for name, points in result.seconds.items()}
    sizes = sorted({size for points in found.values() for size in points})
    rows: list[list[str]] = [
        [
            str(size),
            *(_seconds(value) for value in (published.get(size), *(found.get(name, {}).get(size) for name in methods))),
        ]
        for size in sizes
    ]
    note = "Ours on one core; the published column is exact diagonalisation on the authors' machine."
    return Table("Seconds per configuration", ["L", "published", *methods], rows, note=note)


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2g}"


def error_cell(mean: float, deviation: float | None, *, best: bool = False) -> str:
    """Return mean and spread, the best one bold."""
    text = with_spread(mean, deviation)
    return f"**{text}**" if best else text


def seeds_note(groups: Sequence[Group]) -> str:
    """Return the number of seeds, and of runs without a result."""
    counts = sorted({len(each.members) for each in groups})
    lost = sum(each.lost for each in groups)
    many = " to ".join(str(count) for count in dict.fromkeys((counts[0], counts[-1])))
    text = f"Mean ± sample standard deviation over {many} seeds." if counts[-1] > 1 else "One seed."
    return text if not lost else f"{text} {lost} runs have no result."
