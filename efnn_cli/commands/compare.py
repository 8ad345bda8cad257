"""`efnn compare`: several networks on equal data with about equal parameters, their errors side by side."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from efnn_cli import catalogue, device
from efnn_cli.comparison import Contest, Entry, Standing, Trial, best_choice, enter, quantity_of
from efnn_cli.comparison_report import draw, report, write_table
from efnn_cli.conduct import obtain
from efnn_cli.config import Request, compose
from efnn_cli.console import Console
from efnn_cli.destination import COMPARISON_MARK, claim_comparison
from efnn_cli.extrapolation import SizeRow, judge_size, weights_digest
from efnn_cli.loading import load
from efnn_cli.planning import Plan, plan_new
from efnn_cli.references import label_all, plan_references
from efnn_cli.results import Result, number, shown
from efnn_cli.runs import EXTRAPOLATION
from efnn_cli.schema import fingerprint, typed
from efnn_cli.settings import ExtrapolateConfig
from efnn_cli.signals import StopRequest
from efnn_cli.size_table import SizeTable
from efnn_cli.storage import atomic

LOGGER = logging.getLogger("efnn")


def run(
    contest: Contest,
    references: Request,
    console: Console,
    *,
    data: Path | None = None,
    out: Path | None = None,
    dry_run: bool = False,
) -> Result:
    """Train, choose by validation, carry to other sizes; write table and figures."""
    config = typed(ExtrapolateConfig, compose("extrapolate", references).values)
    target = device.resolve(config.device)
    entries, first = enter(contest, data)
    choices = contest.choices()
    tag = identity(contest, entries, first)
    folder = out or catalogue.OUTPUTS / f"compare-{first.system.name}-{tag}"
    claim_comparison(folder, tag)
    if dry_run:
        return planned(entries, folder)
    atomic.make_folder(folder)
    atomic.write_text(folder / COMPARISON_MARK, f"{tag}\n")
    source = Path(first.stored["dataset"]["path"])
    trials, chosen = compete(entries, choices, contest.seeds, source, console)
    sizes = carry([trial for each in chosen for trial in each], config, target, console)
    standings = [Standing(each, [sizes.get(trial.run, []) for trial in each]) for each in chosen]
    quantity = quantity_of(standings)
    write_table(folder / "comparison.csv", trials, standings, quantity)
    return report(standings, quantity, folder, draw(standings, quantity, first, folder))


def compete(
    entries: Sequence[Entry], choices: Sequence[tuple[str, ...]], seeds: int, data: Path, console: Console
) -> tuple[list[Trial], list[list[Trial]]]:
    """All trials, and for every network those of its best choice, one a seed."""
    every, chosen = [], []
    for entry in entries:
        tried = [trial(entry, 0, choice, data, console) for choice in (choices if entry.trained else [()])]
        best = best_choice(tried)
        more = [trial(entry, seed, best.choice, data, console) for seed in range(1, seeds if entry.trained else 1)]
        every += [*tried, *more]
        chosen.append([best, *more])
    return every, chosen


def trial(entry: Entry, seed: int, choice: tuple[str, ...], data: Path, console: Console) -> Trial:
    """One run of `efnn train`, or the finished one."""
    LOGGER.info("%s: %s", entry.model, ", ".join([f"{entry.parameters} parameters", f"seed {seed}", *choice]))
    plan = plan_new(entry.request(seed, choice), data, None)
    obtain(plan, console, overwrite=False)
    return Trial(entry, seed, choice, plan.folder.path, plan.folder.read_summary()["metrics"])


def carry(
    trials: Sequence[Trial], config: ExtrapolateConfig, target: Any, console: Console
) -> dict[Path, list[SizeRow]]:
    """Errors of every run at every size, on the same references; nothing for dense systems."""
    networks = {trial.run: load(trial.run, config.device) for trial in trials}
    member = next(iter(networks.values()))
    if member.system.geometry != "lattice":
        return {}
    found: dict[Path, list[SizeRow]] = {}
    with StopRequest("the same command goes on with what is done") as stop:
        plans = plan_references(config, member, target)
        datasets = label_all(plans, target, console, stop)
        for path, network in networks.items():
            LOGGER.info("carrying %s to L = %s", shown(path), ", ".join(str(plan.system.size) for plan in plans))
            found[path] = [judge_size([network], each) for each in datasets]
            table = SizeTable(path / f"{EXTRAPOLATION}.csv", weights_digest([network]), own_folder=True)
            table.merge(found[path], plans[0].sampling, plans[0].seed, stop.check)
    return found


def identity(contest: Contest, entries: Sequence[Entry], first: Plan) -> str:
    """The hash of what is compared; sizes may be added to the same comparison."""
    return fingerprint(
        {
            "networks": [list(entry.shared.overrides) for entry in entries],
            "seeds": contest.seeds,
            "grid": list(contest.grid),
            "dataset": first.data.content_hash,
        }
    )


def planned(entries: Sequence[Entry], folder: Path) -> Result:
    """What a dry run says."""
    rows = [{"model": each.model, "parameters": each.parameters, "width": each.width} for each in entries]
    lines = [["model", "parameters", "width"], *([number(value) for value in row.values()] for row in rows)]
    return Result("compare", {"rows": rows}, {"folder": shown(folder)}, "planned", lines, headed=True)
