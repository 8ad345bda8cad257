"""Carrying out one experiment: label, train with seed 0, choose, train with the other seeds, carry, time.

Every step finds what an earlier command has done: a killed reproduction goes on where it was.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from efnn_cli.config.compose import Request, compose
from efnn_cli.config.schema import typed
from efnn_cli.core import device
from efnn_cli.core.console import Console
from efnn_cli.core.results import shown
from efnn_cli.core.signals import StopRequest
from efnn_cli.datasets.planning import obtain_dataset, plan_dataset, require_free_path
from efnn_cli.evaluation.carrying import complete
from efnn_cli.evaluation.settings import ExtrapolateConfig
from efnn_cli.evaluation.size_table import Rows
from efnn_cli.physics.double_exchange import DoubleExchange
from efnn_cli.runs.folder import OUTPUTS
from efnn_cli.runs.loading import load
from efnn_cli.runs.planning import Plan
from efnn_cli.storage.lock import held
from efnn_cli.studies.paper_experiments import Chosen, Point
from efnn_cli.studies.paper_findings import Findings, Group, Member, best_choices, key_of
from efnn_cli.studies.paper_pool import run_jobs
from efnn_cli.studies.paper_progress import Progress
from efnn_cli.studies.paper_timing import Times, measure_times
from efnn_cli.studies.sweep_jobs import ELSEWHERE, Job, Outcome, plan_job, source_at, stored

LOGGER = logging.getLogger("efnn")
POLL_SECONDS = 2.0


@dataclass(frozen=True)
class Task:
    """One run of a sweep: its job, what was chosen for it, and the plan of its run."""

    job: Job
    sweep: str
    seed: int
    choice: Point
    plan: Plan


def carry_out(chosen: Chosen, folder: Path, progress: Progress, console: Console, stop: StopRequest) -> Findings:
    """Everything of one experiment; failed runs are among the findings, a signal raises `Stopped`."""
    data = label(chosen, console, stop)
    first = tasks_of_seed_0(chosen, data)
    done = train(first, chosen, progress, stop)
    rest = tasks_of_other_seeds(chosen, data, first, done)
    done |= train(rest, chosen, progress, stop)
    groups = group(chosen, [*first, *rest], done)
    if chosen.sizes:
        groups = carry_all(chosen, groups, console, stop)
    times = time_all(chosen, groups, folder, stop)
    failed = {task.plan.tag: (task.job, done[task.plan.tag]) for task in [*first, *rest] if done[task.plan.tag].code}
    return Findings(chosen, data, source_at(data).system, groups, list(failed.values()), times)


def label(chosen: Chosen, console: Console, stop: StopRequest) -> Path:
    """The dataset, made or found."""
    plan = plan_dataset(chosen.generate)
    require_free_path(plan, overwrite=False)
    target = device.resolve(plan.config.device)
    _, existed = obtain_dataset(plan, target, console, stop)
    LOGGER.info("dataset: %s, %s", shown(plan.path), "stored" if existed else "new")
    return plan.path


def tasks_of_seed_0(chosen: Chosen, data: Path) -> list[Task]:
    """Every sweep at every choice."""
    return [
        _task(chosen, data, name, point, choice, 0)
        for name, sweep in chosen.scale.train.items()
        for point in sweep.points()
        for choice in sweep.choices()
    ]


def tasks_of_other_seeds(chosen: Chosen, data: Path, first: Sequence[Task], done: dict[str, Outcome]) -> list[Task]:
    """Every sweep with the other seeds, each network with what the validation error of seed 0 has chosen."""
    tasks = []
    for name, sweep in chosen.scale.train.items():
        mine = [task for task in first if task.sweep == name]
        best = best_choices((done[task.plan.tag], task.plan, task.choice) for task in mine)
        seen = set()
        for task in mine:
            key = key_of(task.plan)
            if task.choice == best.get(key) and key not in seen:
                seen.add(key)
                point = task.job.settings[: len(task.job.settings) - len(task.choice) - 1]
                tasks += [_task(chosen, data, name, point, task.choice, seed) for seed in range(1, sweep.seeds)]
    return tasks


def _task(chosen: Chosen, data: Path, sweep: str, point: Point, choice: Point, seed: int) -> Task:
    job = Job(0, (*point, *choice, f"seed={seed}"), data, {"device": chosen.device}, chosen.config_dir)
    return Task(job, sweep, seed, choice, plan_job(job))


def train(tasks: Sequence[Task], chosen: Chosen, progress: Progress, stop: StopRequest) -> dict[str, Outcome]:
    """The outcome of every run by its hash, each trained once although several sweeps may have it."""
    done: dict[str, Outcome] = {}
    todo: dict[str, Task] = {}
    for task in tasks:
        if task.plan.folder.finished and task.plan.folder.holds(task.plan.tag):
            done[task.plan.tag] = stored(task.job, task.plan)
            progress.found(task.plan, done[task.plan.tag])
        else:
            todo.setdefault(task.plan.tag, task)
    numbered = [replace(task.job, index=index) for index, task in enumerate(todo.values())]
    plans = [task.plan for task in todo.values()]
    found: dict[int, Outcome] = {}
    while waiting := [job for job in numbered if job.index not in found or found[job.index].status == ELSEWHERE]:
        if found:  # others train what is left
            time.sleep(POLL_SECONDS)
            stop.check()
            waiting = [job for job in waiting if not held(plans[job.index].folder.lock_file)]
        outcomes = run_jobs(
            waiting, chosen.workers, stop, lambda outcome: progress.ended(plans[outcome.index], outcome)
        )
        found |= {outcome.index: outcome for outcome in outcomes}
    return done | {tag: found[index] for index, tag in enumerate(todo)}


def group(chosen: Chosen, tasks: Sequence[Task], done: dict[str, Outcome]) -> dict[str, list[Group]]:
    """The runs with the chosen settings by network, depth and width; networks without any result are left out."""
    groups: dict[str, list[Group]] = {}
    for name in chosen.scale.train:
        mine = [task for task in tasks if task.sweep == name]
        best = best_choices((done[t.plan.tag], t.plan, t.choice) for t in mine if t.seed == 0)
        for key, choice in best.items():
            kept = [task for task in mine if key_of(task.plan) == key and task.choice == choice]
            members = [
                Member(task.seed, done[task.plan.tag], task.plan) for task in kept if done[task.plan.tag].metrics
            ]
            groups.setdefault(name, []).append(Group(*key, choice, members, len(kept) - len(members)))
    return groups


def carry_all(
    chosen: Chosen, groups: dict[str, list[Group]], console: Console, stop: StopRequest
) -> dict[str, list[Group]]:
    """The groups with their errors at every size, all on the same references."""
    carried = [name for name in groups if chosen.experiment.sweeps[name].carry]
    runs = list(dict.fromkeys(member.run for name in carried for each in groups[name] for member in each.members))
    if not runs:
        return groups
    rows: dict[Path, Rows] = {run: [] for run in runs}
    for config in extrapolations(chosen):
        for run, more in complete(runs, config, device.resolve(config.device), console, stop).items():
            rows[run] += more
    return groups | {
        name: [replace(each, members=[replace(m, sizes=rows[m.run]) for m in each.members]) for each in groups[name]]
        for name in carried
    }


def extrapolations(chosen: Chosen) -> list[ExtrapolateConfig]:
    """What `efnn extrapolate` would be asked for: the sizes, and those beyond with its own number of references."""
    scale = chosen.scale
    asked = [(sizes, samples) for sizes, samples in ((scale.sizes, scale.samples), (scale.beyond, None)) if sizes]
    options = [{"L": sizes, "samples": samples, "device": chosen.device} for sizes, samples in asked]
    return [typed(ExtrapolateConfig, compose("extrapolate", Request((), each)).values) for each in options]


def time_all(chosen: Chosen, groups: dict[str, list[Group]], folder: Path, stop: StopRequest) -> Times:
    """Seconds per configuration, with the network of the sweep `best`; nothing where there is none to time."""
    if not chosen.scale.times or not groups.get("best"):
        return {}
    network = load(groups["best"][0].members[0].run, "cpu")
    if not isinstance(network.system, DoubleExchange):
        return {}
    return measure_times(network.system, network, chosen.scale.times, folder / "times.csv", stop)


def outputs_folder(scale: str) -> Path:
    """`outputs/reproduce-SCALE`."""
    return OUTPUTS / f"reproduce-{scale}"
