"""Results of `efnn train`, as tables and JSON."""

from __future__ import annotations

from efnn_cli.core.numbers import number
from efnn_cli.core.results import Result, shown
from efnn_cli.core.table import Table, facts
from efnn_cli.models.build import parameter_count
from efnn_cli.runs.fitting import initial_model
from efnn_cli.runs.folder import RunFolder
from efnn_cli.runs.planning import Plan
from efnn_cli.runs.stored import ERRORS, FIELD_ERRORS, FIGURES, PARTS
from efnn_cli.storage import atomic
from efnn_cli.storage.dataset import EXTERNAL
from efnn_cli.training.metrics import LABELS, ON_TEST, SIGN_OF_FIELDS, TRAIN_MORE, warn_of_no_use


def planned(plan: Plan) -> Result:
    """Return the result of a dry run; raise `OutputError` where the run folder could not be written."""
    atomic.prove_writable(plan.folder.path)
    model = initial_model(plan.config, plan.system)
    recipe = plan.config.training
    epochs = 1 if recipe is None else recipe.epochs if recipe.budget is None else None
    metrics = {
        "dataset": ", ".join(shown(each.path) for each in plan.sources),
        "samples": sum(len(each.data) for each in plan.sources),
        "model": plan.config.model.name,
        "parameters": parameter_count(model),
        "receptive_field": plan.stored["receptive_field"],
        "recipe": None if recipe is None else recipe.name,
        "epochs": epochs,
        "budget": None if recipe is None else recipe.budget,
    }
    known = {key: each for key, each in metrics.items() if each is not None}
    return Result("train", metrics, {"run": shown(plan.folder.path)}, "planned", tables=[facts(known)])


def report(folder: RunFolder) -> Result:
    """Return the errors on the three parts of the dataset, epochs and times of a finished run."""
    metrics = folder.read_summary()["metrics"]
    test = metrics["test"]
    imported = folder.read_config()["system"]["name"] == EXTERNAL
    contradicted = imported and (test.get("field_relative_error") or 0.0) >= 1
    warn_of_no_use({ON_TEST: test["rmse_over_std"]}, advice=SIGN_OF_FIELDS if contradicted else TRAIN_MORE)
    shown_errors = [*(ERRORS if test["rmse"] is not None else ()), *(key for key in FIELD_ERRORS if key in test)]
    head = [LABELS[key] for key in shown_errors]
    rows = [[part, *(number(metrics[part][key], 3) for key in shown_errors)] for part in PARTS]
    outputs = {"run": shown(folder.path), "checkpoint": shown(folder.best_file)}
    tables = [Table(["", *head], rows), facts({key: metrics[key] for key in FIGURES})]
    if "datasets" in metrics:
        tests = [
            [str(each["L"]), *(number(each["test"].get(key), 3) for key in shown_errors)]
            for each in metrics["datasets"]
        ]
        tables.insert(1, Table(["test, L", *head], tests))
    return Result("train", metrics, outputs, tables=tables)
