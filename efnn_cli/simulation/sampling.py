"""Run the chains of a plan: groups side by side, segment after segment, each stored; then one file of samples."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np

from efnn_cli.core.errors import InputError
from efnn_cli.core.progress import Meter
from efnn_cli.core.provenance import versions
from efnn_cli.core.results import shown
from efnn_cli.datasets.executors import CheckStop
from efnn_cli.datasets.job import Part
from efnn_cli.simulation.chains import TUNINGS, Chains
from efnn_cli.simulation.segments import Arrays, Done, Segment, SegmentFolder, run_segment
from efnn_cli.simulation.settings import SamplePlan
from efnn_cli.storage import atomic, dataset, lock, samples_file
from efnn_cli.storage.output import refuse_lasting, require_free
from efnn_cli.storage.samples_file import Samples

RESUME = "the same command goes on from the last stored proposals"
LOGGER = logging.getLogger("efnn")


def sample(
    plan: SamplePlan, progress: Meter, check_stop: CheckStop, *, overwrite: bool = False, part: Part | None = None
) -> tuple[Samples | None, bool]:
    """Return the samples of `plan`, and whether they existed; of a `part` of the groups None until all are there."""
    if not overwrite and (found := existing(plan)) is not None:
        return found, True
    atomic.make_folder(plan.path.parent)
    if part is not None:
        with lock.beside(plan.path, part.name, check_stop):
            _run(plan, part.of(range(len(plan.groups))), progress, check_stop)
        return None, False
    with lock.alone(plan.path, check_stop):
        if not overwrite and (found := existing(plan)) is not None:
            return found, True
        _run(plan, range(len(plan.groups)), progress, check_stop)
        return _assemble(plan), False


def begun(plan: SamplePlan) -> bool:
    """Return True where some chains of `plan` are stored, or its samples: those of another plan do not count."""
    if samples_file.are_samples(plan.path) and samples_file.read_metadata(plan.path).get("job") == plan.tag:
        return True
    store = SegmentFolder(plan)
    return any(store.load(group, 0) is not None for group in range(len(plan.groups)))


def merge(plan: SamplePlan, check_stop: CheckStop) -> tuple[Samples, bool]:
    """Return the samples of all parts, and whether they existed; raise `InputError` where segments are missing."""
    if (found := existing(plan)) is not None:
        return found, True
    with lock.alone(plan.path, check_stop):
        store, count = SegmentFolder(plan), len(plan.segments)
        missing = [(group, store.first_missing(group, count)[0]) for group in range(len(plan.groups))]
        lacking = [(group, number) for group, number in missing if number < count]
        if lacking:
            raise InputError(
                f"{len(lacking)} of {len(plan.groups)} groups of chains are not finished, the first is number "
                f"{lacking[0][0]} at segment {lacking[0][1]} of {count}",
                "go on with efnn sample ... --shards N --shard-index I, or with efnn sample ... alone",
            )
        return _assemble(plan), False


def require_free_path(plan: SamplePlan, *, overwrite: bool) -> None:
    """Raise where the path holds something else than the samples of `plan`; see `storage.output.require_free`.

    With `overwrite` other samples may be replaced, but no dataset that was labelled and no checkpoint.
    """
    read = samples_file.read_metadata
    require_free(plan.path, plan.tag, usual=plan.usual, overwrite=overwrite, metadata_of=read)
    if overwrite and not samples_file.are_samples(plan.path):
        refuse_lasting(plan.path)


def existing(plan: SamplePlan) -> Samples | None:
    """Return the samples of `plan`, None where there are none; raises as `require_free_path`."""
    require_free_path(plan, overwrite=False)
    return samples_file.read(plan.path) if os.path.exists(plan.path) else None


def _run(plan: SamplePlan, groups: Sequence[int], progress: Meter, check_stop: CheckStop) -> None:
    """Run what is not stored of the chains of `groups`."""
    store, segments = SegmentFolder(plan), plan.segments
    atomic.make_folder(store.folder)

    def task(group: int, number: int, chains: Chains | None) -> Segment | None:
        if number == len(segments):
            return None
        return Segment(group, len(plan.groups[group]), number, segments[number], chains)

    def done(segment: Segment, found: Done) -> Segment | None:
        store.save(segment, found)
        progress(segment.kept, _note(segment, found))
        return task(segment.group, segment.number + 1, found.chains)

    first = []
    for group in groups:
        number, chains = store.first_missing(group, len(segments))
        if number:
            stored = [Segment(group, len(plan.groups[group]), at, segments[at], None) for at in range(number)]
            progress(sum(each.kept for each in stored), earlier=True)
        first.append(task(group, number, chains))
    tasks = [each for each in first if each is not None]
    if tasks:
        plan.executor().run(partial(run_segment, plan.sampler()), tasks, done, check_stop)


def _note(segment: Segment, found: Done) -> str:
    """Return a few words on a segment for the progress."""
    if segment.work == TUNINGS[-1]:
        tuned = found.chains.settings
        return f"tuned: {tuned.trajectories} moves of {tuned.steps} steps a proposal, step {tuned.step:.2g}"
    if not segment.kept:
        return "tuning" if isinstance(segment.work, str) else "warm-up"
    return f"acceptance {found.rows['accepted'].mean():.2f}" if found.chains.labels else ""


def _assemble(plan: SamplePlan) -> Samples:
    """Write the samples of all stored segments, and remove these."""
    store = SegmentFolder(plan)
    every = []
    for group in range(len(plan.groups)):
        found = [store.load(group, number) for number, _ in enumerate(plan.segments)]
        every.append([each for each in found if each is not None])
        if len(every[-1]) < len(found):
            raise RuntimeError(f"a segment of group {group} vanished while the command was running")
    rows = _joined(plan, every)
    metadata = _metadata(plan, every)
    atomic.remove_leftovers(plan.path)
    samples = samples_file.write(plan.path, rows, metadata)
    shutil.rmtree(store.folder, ignore_errors=True)
    return samples


def _joined(plan: SamplePlan, every: Sequence[Sequence[Done]]) -> Arrays:
    """Return the rows (proposals, chains, ...) of all groups, and under `others/` all other exact labels (n, ...)."""
    kept = [[each.rows for each in group if each.rows] for group in every]
    joined = {
        name: np.concatenate([np.concatenate([rows[name] for rows in group]) for group in kept], axis=1)
        for name in kept[0][0]
    }
    others = [
        {name: each + (chains.start if name == "chain" else 0) for name, each in done.labels.items()}
        for group, chains in zip(every, plan.groups, strict=True)
        for done in group
        if done.labels
    ]
    for name in others[0] if others else ():
        joined[f"others/{name}"] = np.concatenate([each[name] for each in others])
    return joined


def _metadata(plan: SamplePlan, every: Sequence[Sequence[Done]]) -> dict[str, Any]:
    """Return what the file tells of the chains."""
    keys, seconds = plan.keys, sum(each.seconds for group in every for each in group)
    labels = 0 if plan.reference is None else keys.chains * (1 + keys.warmup + keys.proposals)
    reference: Mapping[str, Any] = {
        "method": plan.reference or "network",
        "seconds": seconds,
        "seconds_per_configuration": None,  # of labels alone, which are not timed
        "tolerance": keys.tolerance if plan.reference in plan.system.estimated_references else None,
    }
    return {
        "purpose": "train",
        "system": plan.system.described(),
        "samples": keys.chains * keys.proposals,
        "sampling": dataset.CHAINS,
        "seed": keys.seed,
        "thermal": None,
        "job": plan.tag,
        "reference": dict(reference),
        "units": {"energies": plan.system.energy_unit, "spins": "dimensionless"},
        "versions": versions(),
        "chains": keys.chains,
        "proposals": keys.proposals,
        "warmup": keys.warmup,
        "T": plan.temperature,
        "corrected": plan.reference is not None,
        "run": shown(plan.run.path),
        "settings": [asdict(group[-1].chains.settings) for group in every],
        "exact_labels": labels,
    }
