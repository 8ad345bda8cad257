"""Results of `efnn learn`: a row a round as table, CSV, JSON and figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from efnn_cli import figures
from efnn_cli.core.results import Result, shown
from efnn_cli.core.table import Table, facts
from efnn_cli.storage import atomic
from efnn_cli.studies.learning import LearnPlan, Round, last_run

HEAD = ("labels", "RMSE", "bias", "fields", "acceptance", "tau", "seconds")


def planned(plan: LearnPlan) -> Result:
    """Return the result of a dry run."""
    atomic.prove_writable(plan.folder.parent)
    keys = plan.keys
    most = keys.labels + keys.rounds * keys.chains * (2 + keys.proposals)
    found = {"L": plan.system.size, "T": plan.temperature, "rounds": keys.rounds, "labels_at_most": most}
    return Result("learn", found, {"folder": shown(plan.folder)}, "planned", tables=[facts(found)])


def report(plan: LearnPlan, rounds: Sequence[Round]) -> Result:
    """Write the table and the figure; return the rounds and the network to sample with."""
    table = plan.path("rounds.csv")
    names = [each.name for each in fields(Round)]
    atomic.write_csv(table, [("round", *names), *((i, *asdict(each).values()) for i, each in enumerate(rounds))])
    figure = figures.rounds([asdict(each) for each in rounds], plan.path("rounds"), unit=plan.system.energy_unit)
    number = len(rounds) - 1
    outputs = {"run": last_run(plan, rounds), "dataset": plan.data(number), "table": table, "figure": figure}
    rows = [
        (r.labels, r.rmse, r.bias, r.field_relative_error, r.acceptance, r.tau_proposals, r.seconds) for r in rounds
    ]
    metrics: dict[str, Any] = {"rounds": [asdict(each) for each in rounds]}
    shown_outputs = {name: shown(each) for name, each in outputs.items()}
    temperature = "" if plan.keys.temperature is None else f" temperature={plan.keys.temperature:g}"
    then = f"efnn sample {shown_outputs['run']}{temperature}"
    return Result("learn", metrics, shown_outputs, tables=[Table(HEAD, rows)], next=then)
