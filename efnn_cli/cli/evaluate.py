"""`efnn evaluate [RUN...]`: errors of trained networks on a dataset; several runs are an ensemble."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from efnn_cli.cli.execution import command
from efnn_cli.cli.options import Coverage, Device, OutFile, Overwrite, RunsAndOverrides, TestData
from efnn_cli.cli.parsing import refuse_no_runs, request_of, split_runs

if TYPE_CHECKING:
    from efnn_cli.core.console import Console
    from efnn_cli.core.results import Result

LOGGER = logging.getLogger("efnn")


@command
def evaluate(
    console: Console,
    arguments: RunsAndOverrides = None,
    data: TestData = None,
    coverage: Coverage = None,
    device: Device = None,
    out: OutFile = None,
    overwrite: Overwrite = False,
) -> Result:
    """Errors of trained networks on a dataset; several runs are an ensemble.

    Example: efnn evaluate split=val
    """
    from efnn_cli.config.compose import compose
    from efnn_cli.config.options import EvaluateKeys
    from efnn_cli.config.schema import typed
    from efnn_cli.core.device import describe, resolve
    from efnn_cli.core.signals import StopRequest
    from efnn_cli.evaluation import results
    from efnn_cli.evaluation.coverage import check_coverage
    from efnn_cli.evaluation.evaluation_set import evaluation_set
    from efnn_cli.runs.find import picked
    from efnn_cli.runs.loading import load
    from efnn_cli.storage import output

    runs, overrides = split_runs(arguments)
    config = typed(EvaluateKeys, compose("evaluate", request_of(overrides, {"device": device})).values)
    check_coverage(coverage)
    target = resolve(config.device)
    output.claim_hdf5(out, overwrite)
    refuse_no_runs("evaluate", runs)
    with StopRequest("nothing was written; the same command starts again") as stop:
        members = [load(path, config.device) for path in runs or picked()]
        chosen = evaluation_set(members, data, config.split, drop_seen=config.seen == "drop")
        output.refuse_inputs(out, [chosen.path, *(member.path for member in members)])
        LOGGER.info("evaluating on %s", describe(target))
        found, fields = chosen.predictions(stop.check), chosen.field_errors(stop.check)
        stop.check()
    outputs = {} if out is None else {"predictions": results.write(out, found, chosen)}
    return results.report(found, chosen, outputs, fields, coverage)
