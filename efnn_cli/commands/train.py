"""`efnn train`: train a network on a dataset, in a run folder that can be resumed."""

from __future__ import annotations

from pathlib import Path

from efnn_cli.config.compose import Request, settle
from efnn_cli.core.console import Console
from efnn_cli.core.errors import ConfigError
from efnn_cli.core.results import Result, number, shown
from efnn_cli.models import parameter_count
from efnn_cli.runs import fitting
from efnn_cli.runs.execute import claim_run, complete_replacement, obtain
from efnn_cli.runs.folder import FIGURES, PARTS, RunFolder
from efnn_cli.runs.planning import Plan, device_asked, plan_new, plan_resumed
from efnn_cli.storage import atomic
from efnn_cli.training.metrics import ON_TEST, warn_of_no_use
from efnn_cli.training.team import Team, joined


def run(
    request: Request,
    console: Console,
    *,
    data: Path | None = None,
    out: Path | None = None,
    resume: Path | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
) -> Result:
    """Train the network of the configuration, go on with it, or find it trained; alone, or as one of a team."""
    if resume is not None and overwrite:
        raise ConfigError("--resume goes on with a run, --overwrite starts it again: found both", "keep one of them")

    def work(team: Team) -> Result:
        if "device" in (said := settle(request)):
            team.check_device(device_asked(said))
        if resume is not None and not dry_run:
            if team.leads:
                complete_replacement(RunFolder(resume))
            team.first_says()  # others wait, and then see what it has left
        plan = plan_new(request, data, out) if resume is None else plan_resumed(request, resume, data, out)
        team.agree("the run", plan.tag)
        if dry_run:
            if team.leads and not overwrite:
                claim_run(plan.folder, plan.tag)
            team.device(plan.config.device)
            return planned(plan) if team.leads else Result("train")
        obtain(plan, console, overwrite=overwrite, team=team)
        return report(plan.folder) if team.leads else Result("train")

    with joined() as team:
        return team.together(lambda: work(team))


def planned(plan: Plan) -> Result:
    """What a dry run says, once the place is known to be writable."""
    atomic.prove_writable(plan.folder.path)
    model = fitting.initial_model(plan.config, plan.system)
    recipe = plan.config.training
    epochs = 1 if recipe is None else recipe.epochs if recipe.budget is None else None
    metrics = {
        "parameters": parameter_count(model),
        "epochs": epochs,
        "receptive_field": plan.stored["receptive_field"],
        "samples": len(plan.data),
    }
    rows = [[key, number(value)] for key, value in metrics.items()]
    return Result("train", metrics, {"run": shown(plan.folder.path)}, "planned", rows)


def report(folder: RunFolder) -> Result:
    """Errors on the three parts, and what training took."""
    metrics = folder.read_summary()["metrics"]
    warn_of_no_use({ON_TEST: metrics["test"]["rmse_over_std"]})
    rows = [[key, number(metrics[key])] for key in FIGURES]
    for part in PARTS:
        rows += [[f"{part} {key}", number(value)] for key, value in metrics[part].items()]
    outputs = {"run": shown(folder.path), "checkpoint": shown(folder.best_file)}
    return Result("train", metrics, outputs, rows=rows)
