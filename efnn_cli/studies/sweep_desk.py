"""What a sweep knows of its jobs, wherever they run: the outcome of each, or that it is at work.

All of it is files in one folder, which the machines share: `I.json` is the outcome of job I, `I.lock` is held by the
process that carries it out. A launcher that ends early takes no job with it: those at work are waited for.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from efnn_cli.core.console import Console
from efnn_cli.core.errors import Interrupted, Stopped
from efnn_cli.storage import atomic, lock
from efnn_cli.studies.sweep_jobs import FAILED, Job, Outcome, carry_out

LOGGER = logging.getLogger("efnn")
POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Desk:
    """The folder of the outcomes."""

    folder: Path

    @contextlib.contextmanager
    def working(self, index: int) -> Iterator[None]:
        """While this process carries out job `index`."""
        with lock.awaited(self._lock(index), lambda _: None, lambda: None):
            yield

    def leave(self, outcome: Outcome) -> None:
        """Write what became of a job."""
        atomic.write_text(self._file(outcome.index), json.dumps(outcome.as_json()))

    def outcome(self, index: int) -> Outcome | None:
        """What has become of job `index`; None where nobody has said it."""
        if not os.path.exists(self._file(index)):
            return None
        return Outcome(**json.loads(self._file(index).read_text(encoding="utf-8")))

    def verdict(self, index: int) -> Outcome:
        """The outcome, or what it means that there is none: lost with its process, or not begun."""
        if (found := self.outcome(index)) is not None:
            return found
        lost, waits = "its process has ended without a result: out of memory, or killed", "it has not begun"
        return Outcome(index, "", FAILED, 5, lost if self._begun(index) else waits)

    def wait_for(self, jobs: Sequence[int], patience: float) -> None:
        """Wait while one of `jobs` is at work, and `patience` seconds more for those that have not begun."""
        until = time.monotonic() + patience
        told = False
        while left := [index for index in jobs if self.outcome(index) is None]:
            busy = [index for index in left if self._at_work(index)]
            begun = [index for index in left if self._begun(index)]
            if busy:
                until = time.monotonic() + patience
                if not told:
                    LOGGER.warning("%d runs are still at work, and are waited for", len(busy))
                    told = True
            elif len(begun) == len(left) or time.monotonic() > until:
                return
            time.sleep(POLL_SECONDS)

    def settled(self, jobs: Sequence[int]) -> bool:
        """Whether every one of `jobs` has ended: none is at work or in a queue, which would need this folder."""
        open_ones = [index for index in jobs if self.outcome(index) is None]
        return all(self._begun(index) and not self._at_work(index) for index in open_ones)

    def _begun(self, index: int) -> bool:
        return os.path.exists(self._lock(index))

    def _at_work(self, index: int) -> bool:
        return self._begun(index) and not lock.is_free(self._lock(index))

    def _file(self, index: int) -> Path:
        return self.folder / f"{index}.json"

    def _lock(self, index: int) -> Path:
        return self.folder / f"{index}.lock"


@dataclass(frozen=True)
class Task:
    """What a launcher is given: carries out one of the jobs and leaves its outcome on the desk."""

    jobs: list[Job]
    desk: Desk
    overwrite: bool
    quiet: bool

    def __call__(self, index: int) -> None:
        """Carry out job number `index`; raises `Interrupted`, which no launcher takes for a failed job."""
        job = self.jobs[index]
        console = Console(quiet=self.quiet)
        LOGGER.info("run %d of %d: %s", index + 1, len(self.jobs), " ".join(job.settings))
        with self.desk.working(index):
            try:
                self.desk.leave(carry_out(job, console, overwrite=self.overwrite))
            except Stopped as error:
                self._stopped(index, error)
                raise Interrupted(error.signum) from error

    def _stopped(self, index: int, error: Stopped) -> None:
        """Go into the queue again, where a batch system can do that, or leave word that the job was stopped."""
        LOGGER.info("run %d: %s", index + 1, error.message)
        with contextlib.suppress(Exception):  # whatever the reason is that it cannot be queued again: the job has ended
            _hand_on(error.signum)
        self.desk.leave(Outcome(index, "", FAILED, error.code, f"{error.message}; {error.hint}"))


def _hand_on(signum: int) -> None:
    """Tell submitit, if this is one of its processes, of a signal after which the job has ended in good order.

    Its handler puts the job into the queue again and ends the process, or raises where that is not wanted.
    """
    handler = signal.getsignal(signum)
    of_whom = type(getattr(handler, "__self__", None)).__module__
    if callable(handler) and of_whom.partition(".")[0] == "submitit":
        handler(signum, None)
