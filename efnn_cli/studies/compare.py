"""`efnn compare`: several networks on equal data with about equal parameters, their errors side by side."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
from efnn_cli.runs.folder import OUTPUTS
from efnn_cli.storage import atomic
from efnn_cli.storage.output import COMPARISON_MARK, claim_marked
from efnn_cli.studies.compare_figures import draw
from efnn_cli.studies.compare_networks import Comparison, ComparisonPlan, plan_comparison
from efnn_cli.studies.compare_tables import markdown, summary_row, write_means, write_runs
from efnn_cli.studies.engine import Engine, Progress, extrapolate, failed, run_cells
from efnn_cli.studies.summary import LABELS, Group, Member, with_spread
from efnn_cli.studies.trials import failure_of
from efnn_cli.training.metrics import ON_TEST, warn_of_no_use

LOGGER = logging.getLogger("efnn")

HEAD = ("model", "parameters", "seeds", "choice", "epochs", "seconds")


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
    claim_marked(folder, COMPARISON_MARK, plan.tag)
    if dry_run:
        return _planned(plan, folder)
    atomic.make_folder(folder)
    atomic.write_text(folder / COMPARISON_MARK, f"{plan.tag}\n")
    with to_go_on():
        groups = _train(plan, Engine(console, comparison.launcher))
        groups = extrapolate(groups, [config], console)
    return _report(plan, groups, folder)


def _train(plan: ComparisonPlan, engine: Engine) -> list[Group]:
    """Train all candidates; a training that diverges is a result, other failures are raised."""
    progress = Progress(sum(cell.runs for cell in plan.cells))
    groups = run_cells(plan.cells, plan.data, engine, progress)
    others = [(settings, each) for settings, each in failed(groups) if each.code != NumericalError.code]
    if (failure := failure_of(others, progress.count)) is not None:
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
    lines = [list(rows[0]), *([number(value) for value in row.values()] for row in rows)]
    metrics = {"rows": rows, "runs": runs, "grid": plan.grid, "recipe": plan.recipe}
    return Result("compare", metrics, {"folder": shown(folder)}, "planned", lines, headed=True)


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
    outputs = {"table": shown(table), "means": shown(means), "markdown": shown(text)}
    outputs |= draw(plan, compared, quantity, folder)
    lines = [[*HEAD, *(f"{LABELS[quantity]} {key}" for key in rows[0]["errors"])]]
    for row in rows:
        errors = [with_spread(mean, row["spread"][key], "+-") for key, mean in row["errors"].items()]
        lines.append([number(row[key] or "-") for key in HEAD] + errors)
    metrics: dict[str, Any] = {"quantity": quantity, "rows": rows, "grid": plan.grid, "recipe": plan.recipe}
    return Result("compare", metrics, outputs, rows=lines, headed=True)


def _quantity(groups: Sequence[Group]) -> str:
    """Return `relative_error` if it is defined for every seed and size, else `rmse_over_std`."""
    everywhere = all(
        group.defines("relative_error") and all(row["relative_error"] for each in group.members for row in each.sizes)
        for group in groups
    )
    return "relative_error" if everywhere else "rmse_over_std"


def _ratios(member: Member) -> dict[str, float | None]:
    """Return RMSE / std(E) on the test split and at every size."""
    at_sizes = {f"at L = {row['L']}": float(row["rmse_over_std"]) for row in member.sizes if row["rmse_over_std"]}
    return {ON_TEST: member.metrics["test"]["rmse_over_std"], **at_sizes}
