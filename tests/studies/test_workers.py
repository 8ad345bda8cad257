"""Trials side by side: a killed worker costs one trial."""

import os
import signal
from pathlib import Path

import pytest

from efnn_cli.config.words import Request
from efnn_cli.studies.trials import LOST, Trial
from efnn_cli.studies.workers import train_in_workers


def die() -> None:
    """Kill this process, as the kernel does with one that takes all memory."""
    os.kill(os.getpid(), signal.SIGKILL)


class Deadly(Trial):
    """A trial that kills the process that receives it."""

    def __reduce__(self):
        return die, ()


@pytest.mark.parametrize("place", [3])
def test_a_trial_that_kills_its_worker_fails_alone(tmp_path: Path, place: int):
    """The others end as they would alone: here each finds no dataset."""
    kinds = [Deadly if index == place else Trial for index in range(5)]
    trials = {str(i): kind(Request(("model=dnn",)), tmp_path / "none.h5") for i, kind in enumerate(kinds)}
    begun: list[str] = []
    found = dict(train_in_workers(trials, 2, begun.append, overwrite=False))
    assert sorted(found) == begun == list("01234")
    assert found.pop(str(place)) == LOST
    assert {each.code for each in found.values()} == {3}
