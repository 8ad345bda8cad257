"""`log=tensorboard`: the rows of metrics.csv as event files too, in `events/` of the run folder."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from efnn_cli.training.history import EpochRow

NOT_SCALARS = ("epoch", "step", "seconds")


@contextlib.contextmanager
def tensorboard(run: Path, epoch: int) -> Iterator[Callable[[EpochRow], None]]:
    """Yield a function that writes one row; what stands there after `epoch`, of a run that is resumed, is dropped."""
    from torch.utils.tensorboard import SummaryWriter  # imported here: the package is optional

    events = run / "events"
    if epoch == 0 and events.exists():
        shutil.rmtree(events)
    with SummaryWriter(str(events), purge_step=epoch + 1) as writer:

        def write(row: EpochRow) -> None:
            for name, value in dataclasses.asdict(row).items():
                if name not in NOT_SCALARS and value is not None:
                    writer.add_scalar(name, value, row.epoch)

        yield write
