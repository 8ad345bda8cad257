"""`efnn compare`: several networks on equal data with about equal parameters, their errors side by side."""

from __future__ import annotations

from pathlib import Path

from efnn_cli.config.compose import Request, compose
from efnn_cli.config.schema import typed
from efnn_cli.core import device
from efnn_cli.core.console import Console
from efnn_cli.core.results import Result, shown
from efnn_cli.core.signals import to_go_on
from efnn_cli.evaluation.settings import ExtrapolateConfig
from efnn_cli.runs.folder import OUTPUTS
from efnn_cli.storage import atomic
from efnn_cli.storage.output import COMPARISON_MARK, claim_marked
from efnn_cli.studies.compare_contest import Contest, enter
from efnn_cli.studies.compare_figures import draw
from efnn_cli.studies.compare_report import planned, report, write_means, write_runs
from efnn_cli.studies.compare_run import compete, stand
from efnn_cli.studies.compare_standings import quantity_of
from efnn_cli.studies.compare_text import markdown


def run(
    contest: Contest,
    references: Request,
    console: Console,
    *,
    data: Path | None = None,
    out: Path | None = None,
    dry_run: bool = False,
) -> Result:
    """Train, choose by validation, carry to other sizes; write tables and figures."""
    config = typed(ExtrapolateConfig, compose("extrapolate", references).values)
    target = device.resolve(config.device)
    lineup = enter(contest, data)
    folder = out or OUTPUTS / f"compare-{lineup.first.system.name}-{lineup.tag}"
    claim_marked(folder, COMPARISON_MARK, lineup.tag)
    if dry_run:
        return planned(lineup, folder)
    atomic.make_folder(folder)
    atomic.write_text(folder / COMPARISON_MARK, f"{lineup.tag}\n")
    with to_go_on():
        trials, chosen = compete(lineup, console)
        standings = stand(chosen, config, target, console)
    quantity = quantity_of(standings)
    rows = [each.summary(quantity) for each in standings]
    table, means, text = (folder / name for name in ("comparison.csv", "comparison_means.csv", "comparison.md"))
    write_runs(table, trials, standings, quantity)
    write_means(means, rows, quantity)
    atomic.write_text(text, markdown(lineup, rows, quantity))
    written = {"table": shown(table), "means": shown(means), "markdown": shown(text)}
    return report(lineup, rows, quantity, written | draw(lineup, standings, quantity, folder))
