"""`efnn merge SYSTEM`: join the shards of a job array to their dataset."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from efnn_cli.commands.generate import report
from efnn_cli.config.compose import Request
from efnn_cli.core import device
from efnn_cli.core.console import Console
from efnn_cli.core.results import Result
from efnn_cli.core.signals import StopRequest
from efnn_cli.datasets.job import Job
from efnn_cli.datasets.planning import Plan, make_plan, refuse_other
from efnn_cli.datasets.produce import merge


def run(
    request: Request, console: Console, *, spins: Path | None = None, normalise: bool = False, out: Path | None = None
) -> Result:
    """Make the dataset from the shards that the parts have left; labels nothing itself."""
    plan = make_plan(request, spins, out, normalise=normalise)
    jobs = candidates(plan)
    refuse_other(plan, overwrite=False)
    with StopRequest("the same command begins again") as stop:
        data, existed = merge(jobs, plan.path, plan.tag, on_wait=plan.on_wait, pause=stop.check)
    return dataclasses.replace(report(data, plan.path, existed=existed), command="merge")


def candidates(plan: Plan) -> list[Job]:
    """The job as the chosen device would have labelled it, then as the other one would.

    The device need not be here: a job array of GPUs may be merged where there are none.
    """
    name = plan.config.device
    chosen = device.resolve(name).type if name == "auto" else name.partition(":")[0]
    jobs = [plan.job(each) for each in sorted(("cpu", "cuda"), key=lambda each: each != chosen)]
    return jobs[:1] if jobs[0].reference == jobs[1].reference else jobs
