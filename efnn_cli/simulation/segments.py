"""Segments: work on one group of chains that is stored as one file, so that a kill costs no more than one of them."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from efnn_cli.core.errors import InputError
from efnn_cli.simulation.chains import TUNINGS, Chains, Sampler, labels_of, labels_on_the_way
from efnn_cli.simulation.moves import Settings
from efnn_cli.simulation.settings import SamplePlan, Work
from efnn_cli.storage import hdf5

FORMAT = "efnn-segment"
SCHEMA_VERSION = 1

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Segment:
    """Work on one group of chains that is stored as one file."""

    group: int
    count: int
    """Chains in the group."""
    number: int
    """Place of `work` in the segments of the plan."""
    work: Work
    chains: Chains | None
    """As the segment before left them; None before the first."""

    @property
    def kept(self) -> int:
        """Number of samples: proposals times chains, without those of warm-up."""
        return 0 if isinstance(self.work, str) or self.work.start < 0 else len(self.work) * self.count


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
    chains, rows, labels = _worked(sampler, segment, device)
    return Done(chains, rows, labels, time.perf_counter() - start)


def _worked(sampler: Sampler, segment: Segment, device: torch.device) -> tuple[Chains, Arrays, Arrays]:
    """Return the chains after one segment, the rows that are kept, and exact labels beside them."""
    chains = segment.chains or sampler.drawn(segment.group, segment.count)
    if isinstance(segment.work, str):
        chains = sampler.tuned(chains, segment.group, segment.work, device)
        if segment.work != TUNINGS[-1]:
            return chains, {}, {}
        chains = sampler.with_labels(chains, device)
        return chains, {}, labels_of(chains)
    chains, rows, rejected = sampler.advance(chains, segment.group, segment.work, device)
    return (chains, rows, rejected) if segment.kept else (chains, {}, labels_on_the_way(rows, rejected))


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
