"""Run the chains of a plan: groups side by side, segment after segment, each stored; then one file of samples."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from efnn_cli.core.errors import InputError
from efnn_cli.core.progress import Meter
from efnn_cli.core.provenance import versions
from efnn_cli.core.results import shown
from efnn_cli.datasets.executors import CheckStop
from efnn_cli.datasets.job import Part
from efnn_cli.simulation.chains import Chains, Sampler
from efnn_cli.simulation.moves import Settings
from efnn_cli.simulation.settings import SamplePlan
from efnn_cli.storage import atomic, dataset, hdf5, lock, samples_file
from efnn_cli.storage.output import refuse_lasting, require_free
from efnn_cli.storage.samples_file import Samples

FORMAT = "efnn-chains"
SCHEMA_VERSION = 1
RESUME = "the same command goes on from the last stored proposals"
LOGGER = logging.getLogger("efnn")

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Segment:
    """Proposals of one group of chains: number 0 is warm-up, number i the segment i - 1 of the plan."""

    group: int
    count: int
    """Chains in the group."""
    number: int
    proposals: range
    chains: Chains | None
    """As the segment before left them; None before warm-up."""


@dataclass(frozen=True)
class Done:
    """A finished segment: the chains after it, rows (proposals, chains, ...), exact labels beside them, seconds."""

    chains: Chains
    rows: Arrays
    labels: Arrays
    seconds: float


def run_segment(sampler: Sampler, segment: Segment, device: torch.device) -> Done:
    """Return the chains after one segment."""
    start = time.perf_counter()
    if segment.chains is None:
        chains, labels = sampler.start(segment.group, segment.count, device)
        return Done(chains, {}, labels, time.perf_counter() - start)
    chains, rows, labels = sampler.advance(segment.chains, segment.group, segment.proposals, device)
    return Done(chains, rows, labels, time.perf_counter() - start)


class SegmentFolder:
    """Files of finished segments of the chains of a plan, beside the file of samples."""

    def __init__(self, plan: SamplePlan) -> None:
        self.folder = plan.path.with_name(f".{plan.path.stem}.chains")
        self.tag = plan.tag

    def path(self, group: int, number: int) -> Path:
        """Return the file of a segment."""
        return self.folder / f"group-{group:05d}-segment-{number:06d}.h5"

    def save(self, segment: Segment, done: Done) -> None:
        """Store one segment atomically."""
        arrays = {f"rows/{name}": each for name, each in done.rows.items()}
        arrays |= {f"labels/{name}": each for name, each in done.labels.items()}
        arrays |= {f"last/{name}": each for name, each in done.chains.labels.items()}
        head = {"format": FORMAT, "schema_version": SCHEMA_VERSION, "job": self.tag, "seconds": done.seconds}
        settings = asdict(done.chains.settings)
        hdf5.write(
            self.path(segment.group, segment.number),
            arrays | {"last_spins": done.chains.spins},
            head | {"settings": settings},
        )

    def load(self, group: int, number: int) -> Done | None:
        """Return a stored segment; None where there is none, or one that is damaged or of another plan."""
        try:
            arrays, head = hdf5.read(self.path(group, number), FORMAT, SCHEMA_VERSION)
        except InputError:
            return None
        if head.get("job") != self.tag:
            return None
        parts: dict[str, Arrays] = {"rows": {}, "labels": {}, "last": {}}
        for name, each in arrays.items():
            kind, _, inner = name.partition("/")
            if inner:
                parts[kind][inner] = each
        chains = Chains(arrays["last_spins"], parts["last"], Settings(**head["settings"]))
        return Done(chains, parts["rows"], parts["labels"], float(head["seconds"]))

    def first_missing(self, group: int, count: int) -> tuple[int, Chains | None]:
        """Return the number of the first segment of a group that is not stored, and the chains before it."""
        before = None
        for number in range(count):
            done = self.load(group, number)
            if done is None:
                return number, before
            before = done.chains
        return count, before


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
        store, count = SegmentFolder(plan), 1 + len(plan.segments)
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
    store, segments = SegmentFolder(plan), [range(0), *plan.segments]
    atomic.make_folder(store.folder)

    def task(group: int, number: int, chains: Chains | None) -> Segment | None:
        if number == len(segments):
            return None
        return Segment(group, len(plan.groups[group]), number, segments[number], chains)

    def done(segment: Segment, found: Done) -> Segment | None:
        store.save(segment, found)
        progress(segment.count * len(segment.proposals), _note(found))
        return task(segment.group, segment.number + 1, found.chains)

    first = []
    for group in groups:
        number, chains = store.first_missing(group, len(segments))
        if number:
            stored = sum(len(each) for each in segments[:number])
            progress(len(plan.groups[group]) * stored, earlier=True)
        first.append(task(group, number, chains))
    tasks = [each for each in first if each is not None]
    if tasks:
        plan.executor().run(partial(run_segment, plan.sampler()), tasks, done, check_stop)


def _note(found: Done) -> str:
    """Return a few words on a segment for the progress."""
    settings = found.chains.settings
    if not found.rows:
        return f"tuned: {settings.trajectories} moves of {settings.steps} steps a proposal, step {settings.step:.2g}"
    return f"acceptance {found.rows['accepted'].mean():.2f}" if found.chains.labels else ""


def _assemble(plan: SamplePlan) -> Samples:
    """Write the samples of all stored segments, and remove these."""
    store = SegmentFolder(plan)
    every = []
    for group in range(len(plan.groups)):
        found = [store.load(group, number) for number in range(1 + len(plan.segments))]
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
    names = every[0][1].rows
    joined = {
        name: np.concatenate([np.concatenate([each.rows[name] for each in group[1:]]) for group in every], axis=1)
        for name in names
    }
    if plan.reference is not None:
        for name in every[0][0].labels:
            shift = [chains.start if name == "chain" else 0 for chains in plan.groups]
            parts = [each.labels[name] + by for group, by in zip(every, shift, strict=True) for each in group]
            joined[f"others/{name}"] = np.concatenate(parts)
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
