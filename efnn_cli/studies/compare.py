"""`efnn compare`: several networks on equal data with about equal parameters, their errors side by side."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from efnn_cli import figures
from efnn_cli.config.compose import compose
from efnn_cli.config.options import ExtrapolateKeys
from efnn_cli.config.schema import typed
from efnn_cli.config.words import Request
from efnn_cli.core import device
from efnn_cli.core.console import Console
from efnn_cli.core.errors import EfnnError, NumericalError
from efnn_cli.core.numbers import number
from efnn_cli.core.results import Result, shown
from efnn_cli.core.signals import to_go_on
from efnn_cli.core.size import length
from efnn_cli.core.table import Table
from efnn_cli.evaluation.size_table import size_quantity
from efnn_cli.figures import Curve
from efnn_cli.runs.folder import OUTPUTS
from efnn_cli.storage import atomic
from efnn_cli.storage.output import begin_study, claim_study
from efnn_cli.studies import pictures, plots
from efnn_cli.studies.compare_networks import Comparison, ComparisonPlan, plan_comparison
from efnn_cli.studies.compare_tables import Compared, for_terminal, markdown, summary_row, write_means, write_runs
from efnn_cli.studies.cost import training_seconds
from efnn_cli.studies.engine import Engine, extrapolate, failed, run_cells
from efnn_cli.studies.progress import Progress
from efnn_cli.studies.summary import LABELS, Group, Member
from efnn_cli.studies.trials import failure_of
from efnn_cli.training.metrics import ON_TEST, warn_of_no_use

LOGGER = logging.getLogger("efnn")


def run(
    comparison: Comparison,
    references: Request,
    console: Console,
    *,
    data: Path | None = None,
    out: Path | None = None,
    dry_run: bool = False,
) -> Result:
    """Train, choose by validation, extrapolate; write tables and figures."""
    config = typed(ExtrapolateKeys, compose("extrapolate", references).values)
    device.resolve(config.device)
    plan = plan_comparison(comparison, data)
    folder = out or OUTPUTS / f"compare-{plan.first.system.name}-{plan.tag}"
    claim_study(folder, plan.tag)
    if dry_run:
        return _planned(plan, folder)
    begin_study(folder, plan.tag)
    with to_go_on():
        groups = _train(plan, Engine(console, comparison.launcher))
        groups = extrapolate(groups, [config], console)
    return _report(plan, groups, folder)


def _train(plan: ComparisonPlan, engine: Engine) -> list[Group]:
    """Train all candidates; a training that diverges is a result, other failures are raised."""
    cells, samples = plan.cells, len(plan.first.data)
    costs = [training_seconds(each.config, plan.first.system, samples) for each in plan.candidates]
    runs = sum(cell.runs for cell in cells)
    seconds = sum(cell.runs * cost for cell, cost in zip(cells, costs, strict=True))
    groups = run_cells(cells, plan.data, engine, Progress(engine.console, runs, seconds))
    others = [(settings, each) for settings, each in failed(groups) if each.code != NumericalError.code]
    if (failure := failure_of(others, runs)) is not None:
        error = EfnnError(failure.message, failure.hint)
        error.code = failure.code
        raise error
    for candidate, group in zip(plan.candidates, groups, strict=True):
        if group.choice is None:
            raise NumericalError(f"{candidate.model} diverged with every setting of the grid", "try a smaller lr")
    return groups


def _planned(plan: ComparisonPlan, folder: Path) -> Result:
    """Return the table of a dry run."""
    rows = [
        {"model": each.model, "wanted_parameters": each.wanted, "parameters": each.parameters, "width": each.width}
        for each in plan.candidates
    ]
    runs = sum(cell.runs for cell in plan.cells)
    LOGGER.info("grid: %s", " ".join(plan.grid) or "none")
    LOGGER.info("%d runs of %d networks, %d seeds", runs, len(plan.candidates), plan.seeds)
    table = Table(("model", "wanted", "parameters", "width"), [list(row.values()) for row in rows])
    metrics = {"rows": rows, "runs": runs, "grid": plan.grid, "recipe": plan.recipe}
    return Result("compare", metrics, {"folder": shown(folder)}, "planned", tables=[table])


def _report(plan: ComparisonPlan, groups: Sequence[Group], folder: Path) -> Result:
    """Write tables and figures; return one row a network, in the order asked for."""
    compared = list(zip(plan.candidates, groups, strict=True))
    for candidate, group in compared:
        for member in group.members:
            warn_of_no_use(_ratios(member), f"{candidate.model}, seed {member.seed}")
    quantity = _quantity(groups)
    rows = [summary_row(candidate, group, quantity) for candidate, group in compared]
    table, means, text = (folder / name for name in ("comparison.csv", "comparison_means.csv", "comparison.md"))
    write_runs(table, compared, quantity)
    write_means(means, rows, quantity)
    atomic.write_text(text, markdown(plan, rows, quantity))
    outputs = {"table": table, "means": means, "markdown": text, **draw(plan, compared, quantity, folder)}
    if len(plan.points) > 1:
        LOGGER.info("chosen by validation: %s", "; ".join(f"{row['model']} {row['choice']}" for row in rows))
    if plan.seeds > 1:
        LOGGER.info("brackets hold the spread over %d seeds", plan.seeds)
    metrics = {"quantity": quantity, "rows": rows, "grid": plan.grid, "recipe": plan.recipe}
    paths = {name: shown(path) for name, path in outputs.items()}
    return Result("compare", metrics, paths, tables=[for_terminal(rows, quantity)])


def draw(plan: ComparisonPlan, compared: Compared, quantity: str, folder: Path) -> dict[str, Path]:
    """Draw parity and error against L of the largest networks, and error against parameters if there are several."""
    largest = plan.counts[-1] if plan.counts else None
    top = {candidate.title: group for candidate, group in compared if candidate.wanted in (largest, None)}
    label = LABELS[quantity]
    panels = {
        f"{name}, seed {group.members[0].seed}\n{label} {number(group.members[0].metrics['test'][quantity], 2)}": (
            group.members[0].run
        )
        for name, group in top.items()
    }
    outputs = {"parity": plots.parity(panels, plan.data).draw(folder / "parity")}
    sizes = {row["L"] for group in top.values() for member in group.members for row in member.sizes}
    if sizes:
        curves = pictures.against_size(top, sorted(sizes, key=length), quantity)
        stem = folder / "error_against_L"
        outputs["figure"] = figures.against_size({label: curves}, length(plan.first.system.size), stem)
    if len(plan.counts) > 1:
        curves, levels = _against_parameters(compared, quantity)
        stem = folder / "error_against_parameters"
        label = f"{label}, test split"
        outputs["parameters"] = figures.error_against_parameters(curves, levels, label, plan.counts, stem)
    return outputs


def _against_parameters(compared: Compared, quantity: str) -> tuple[list[Curve], dict[str, float]]:
    """Return a line a trained network, and the errors of closed forms, which have one size only."""
    rows: dict[str, list[tuple[float, float, float | None]]] = {}
    levels = {}
    for candidate, group in compared:
        error, spread = group.test(quantity)
        if candidate.trained:
            rows.setdefault(candidate.title, []).append((candidate.parameters, error, spread))
        else:
            levels[f"{candidate.title}, {candidate.parameters} coefficients"] = error
    # Two wanted numbers may give one width.
    return [Curve(name, sorted(set(found))) for name, found in rows.items()], levels


def _quantity(groups: Sequence[Group]) -> str:
    """Return `relative_error` if it is defined for every seed and size, else `rmse_over_std`."""
    rows = [row for group in groups for member in group.members for row in member.sizes]
    return size_quantity(rows) if all(group.defines("relative_error") for group in groups) else "rmse_over_std"


def _ratios(member: Member) -> dict[str, float | None]:
    """Return RMSE / std(E) on the test split and at every size."""
    at_sizes = {f"at L = {row['L']}": float(row["rmse_over_std"]) for row in member.sizes if row["rmse_over_std"]}
    return {ON_TEST: member.metrics["test"]["rmse_over_std"], **at_sizes}
