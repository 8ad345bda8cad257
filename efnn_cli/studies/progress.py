"""One bar over all runs of a study, with the time that is left; every run weighs as much as it is expected to cost."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from efnn_cli.core.console import Console
from efnn_cli.core.progress import Meter, duration
from efnn_cli.studies.cost import training_seconds
from efnn_cli.studies.trials import Trial

MOST = 4  # names of runs in one line
TRUST_SECONDS = 20.0  # of work, after which the measured pace counts more than the expected one


class Progress:
    """Count the runs of a study, and estimate what is left.

    `seconds` are those expected for all `runs` on one core, of which `workers` are in use.
    """

    def __init__(self, console: Console, runs: int, seconds: float, workers: int = 1) -> None:
        self.console, self.runs, self.seconds, self.left = console, runs, seconds, seconds
        self.ended = 0
        self.names: dict[str, str] = {}
        self.costs: dict[str, float] = {}
        self.shares: dict[str, float] = {}
        """The runs at work, by the hash of their plan, each with the share of it that is done."""
        self.worked = 0.0  # expected seconds of what was done here
        self.elapsed = 0.0  # seconds of all stretches of training before this one
        self.pace = self.expected_pace = 1.0 / workers  # seconds for an expected one
        self.start = self.updated = time.monotonic()

    def expect(self, trials: Mapping[str, Trial]) -> None:
        """Name and weigh `trials`, which are given by the hash of their plan."""
        self.names = dict(zip(trials, distinguish(list(trials.values())), strict=True))
        self.costs = {tag: cost(trial) for tag, trial in trials.items()}

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the bar while runs are trained."""
        self.start = self.updated = time.monotonic()
        with self.console.status(self.state):
            yield
        self.elapsed += time.monotonic() - self.start

    def within(self, tag: str, share: float = 0.0) -> None:
        """Take note of a run at work, and of the share of it that is done."""
        self._gain((share - self.shares.get(tag, 0.0)) * self.costs[tag])
        self.shares[tag] = share

    def end(self, tag: str, *, earlier: bool = False) -> None:
        """Count a run that has ended; what was finished `earlier` says nothing of the pace."""
        self.ended += 1
        self._gain((1.0 - self.shares.pop(tag, 0.0)) * self.costs[tag], earlier=earlier)

    def _gain(self, seconds: float, *, earlier: bool = False) -> None:
        self.left = max(self.left - seconds, 0.0)
        if not earlier:
            self.updated = time.monotonic()
            self.worked += seconds
            took = self.elapsed + self.updated - self.start
            self.pace = (took + TRUST_SECONDS * self.expected_pace) / (self.worked + TRUST_SECONDS)

    def state(self) -> tuple[float, str]:
        """Return the share that is done, and the line that says so."""
        now = time.monotonic()
        took = duration(self.elapsed + now - self.start)
        left = duration(max(self.left * self.pace - (now - self.updated), 0.0))
        shares = dict(self.shares)
        ended = self.ended + sum(share >= 1.0 for share in shares.values())
        words = f"{ended}/{self.runs} runs, {took} elapsed, {left} left"
        names = [self.names[tag] for tag, share in shares.items() if share < 1.0]
        running = ", ".join(names[:MOST]) + (f" and {len(names) - MOST} more" if len(names) > MOST else "")
        return 1.0 - self.left / (self.seconds or 1.0), f"{words}: {running}" if running else words


def cost(trial: Trial) -> float:
    """Return the expected seconds of one run on one core."""
    return training_seconds(trial.plan.config, trial.plan.system, len(trial.plan.data))


def distinguish(trials: Sequence[Trial]) -> list[str]:
    """Return a name for every trial: the settings that tell it apart, and no more."""
    every = [dict(text.partition("=")[::2] for text in trial.request.overrides) for trial in trials]
    kept = ["model"]
    for key in dict.fromkeys(key for settings in every for key in settings):
        if len({_name(each, [*kept, key]) for each in every}) > len({_name(each, kept) for each in every}):
            kept.append(key)
    return [_name(each, kept) or trial.settings for each, trial in zip(every, trials, strict=True)]


def _name(settings: Mapping[str, str], keys: Sequence[str]) -> str:
    return " ".join(settings[key] if key == "model" else f"{key}={settings[key]}" for key in keys if key in settings)


class Within(Console):
    """Console of a run within a study: silent, and its own bar moves that of the study."""

    def __init__(self, progress: Progress, tag: str) -> None:
        super().__init__(silent=True)
        self.progress, self.tag = progress, tag

    @contextmanager
    def meter(self, title: str, total: int, unit: str, start: int = 0) -> Iterator[Meter]:
        """Yield a meter of the share that is done."""
        done = start

        def advance(amount: int, note: str = "", *, earlier: bool = False) -> None:
            nonlocal done
            done += amount
            self.progress.within(self.tag, min(done / total, 1.0))

        yield advance
