"""Trainings side by side: a worker that is killed costs one run, and signals that come twice cost none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from efnn_cli.core.signals import StopRequest
from efnn_cli.studies.paper_pool import run_jobs
from efnn_cli.studies.sweep_jobs import Job, Outcome


def die() -> None:
    """What a worker does with a job that takes all memory."""
    os.kill(os.getpid(), signal.SIGKILL)


class Deadly(Job):
    """A job that kills whoever takes it."""

    def __reduce__(self):
        return die, ()


@pytest.mark.parametrize("place", [0, 3])
def test_a_job_that_kills_its_worker_fails_alone(tmp_path: Path, place: int):
    """The others end as they would alone: here each finds no dataset."""
    kinds = [Deadly if index == place else Job for index in range(5)]
    jobs = [kind(index, ("model=dnn",), tmp_path / "none.h5") for index, kind in enumerate(kinds)]
    told: list[Outcome] = []
    with StopRequest("") as stop:
        outcomes = run_jobs(jobs, 2, stop, told.append)
    assert [each.code for each in outcomes] == [5 if index == place else 3 for index in range(5)]
    assert sorted(each.index for each in told) == list(range(5))


TWICE = """
import os, signal
from efnn_cli.core.errors import Stopped
from efnn_cli.core.signals import StopRequest, end_on_signals, expect_repeats
end_on_signals()
{led}
with StopRequest("") as stop:
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGTERM)
    try:
        stop.check()
    except Stopped:
        print("stored")
"""


@pytest.mark.parametrize(("led", "code", "said"), [("expect_repeats()", 0, "stored\n"), ("", -signal.SIGTERM, "")])
def test_a_worker_stores_although_it_is_told_twice(led: str, code: int, said: str):
    done = subprocess.run([sys.executable, "-c", TWICE.format(led=led)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, said)
