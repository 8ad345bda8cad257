"""The commands as functions: each calls the body of its command and turns the result into objects.

Settings are words such as `"system.J=8"`, dictionaries of them, or keywords such as `depth=3`. Options have the names
of the command line. Errors are those of `efnn_cli.core.errors`.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from efnn_cli.api.datasets import DatasetFile
from efnn_cli.api.words import Place, Word, option, path_of, paths_of, words_of
from efnn_cli.cli.evaluate import evaluate as evaluate_command
from efnn_cli.cli.extrapolate import extrapolate as extrapolate_command
from efnn_cli.cli.generate import generate as generate_command
from efnn_cli.cli.plot import plot as plot_command
from efnn_cli.cli.sample import sample as sample_command
from efnn_cli.cli.train import train as train_command
from efnn_cli.core.console import LOGGER, Console
from efnn_cli.core.errors import EfnnError
from efnn_cli.core.results import Result
from efnn_cli.figures import style
from efnn_cli.runs.loading import Run, load

ONE_AT_A_TIME = threading.Lock()  # the handlers of the log belong to the process


def call(command: Callable[..., None], *, quiet: bool, **options: Any) -> Result:
    """Return the result of the body of a command; the handlers of the log are put back."""
    with ONE_AT_A_TIME:
        handlers, level, propagate = LOGGER.handlers[:], LOGGER.level, LOGGER.propagate
        try:
            found: Result = inspect.unwrap(command)(Console(quiet=quiet), **options)
        except EfnnError as error:
            if error.hint:
                error.add_note(error.hint)
            raise
        finally:
            LOGGER.handlers[:], LOGGER.propagate = handlers, propagate
            LOGGER.setLevel(level)
    return found


def generate(
    system: str,
    *settings: Word,
    L: int | str | None = None,
    samples: int | None = None,
    seed: int | None = None,
    spins: Place | None = None,
    normalise: bool = False,
    device: str | None = None,
    workers: int | None = None,
    out: Place | None = None,
    overwrite: bool = False,
    config_dir: Place | None = None,
    quiet: bool = False,
    **keys: Any,
) -> DatasetFile:
    """Return a dataset of spin configurations with exact energies, made or found: `efnn generate`."""
    done = call(
        generate_command, quiet=quiet, arguments=[system, *words_of(settings, keys)], size=option(L),
        samples=option(samples), seed=option(seed), spins=path_of(spins), normalise=normalise, device=device,
        workers=option(workers), out=path_of(out), overwrite=overwrite, config_dir=path_of(config_dir),
    )  # fmt: skip
    return DatasetFile(Path(done.outputs["dataset"]).absolute())


def train(
    *settings: Word,
    data: Place | Iterable[Place] | None = None,
    device: str | None = None,
    out: Place | None = None,
    resume: Place | None = None,
    init: Place | None = None,
    extend: Place | None = None,
    overwrite: bool = False,
    config_dir: Place | None = None,
    quiet: bool = False,
    **keys: Any,
) -> Run:
    """Return a trained network, trained now, resumed or found: `efnn train`."""
    done = call(
        train_command, quiet=quiet, overrides=words_of(settings, keys), data=paths_of(data), device=device,
        out=path_of(out), resume=path_of(resume), init=path_of(init), extend=path_of(extend), overwrite=overwrite,
        config_dir=path_of(config_dir),
    )  # fmt: skip
    return load(Path(done.outputs["run"]).absolute(), device or "auto")


def evaluate(
    *runs: Word,
    data: Place | None = None,
    device: str | None = None,
    out: Place | None = None,
    overwrite: bool = False,
    quiet: bool = False,
    **keys: Any,
) -> dict[str, Any]:
    """Return the errors of runs on a dataset, by default on the test split of their own: `efnn evaluate`."""
    done = call(
        evaluate_command, quiet=quiet, arguments=words_of(runs, keys), data=path_of(data), device=device,
        out=path_of(out), overwrite=overwrite,
    )  # fmt: skip
    return dict(done.metrics)


def extrapolate(
    *runs: Word,
    L: int | str | Iterable[int | str] | None = None,
    samples: int | None = None,
    seed: int | None = None,
    device: str | None = None,
    workers: int | None = None,
    out: Place | None = None,
    data: Place | Iterable[Place] | None = None,
    overwrite: bool = False,
    quiet: bool = False,
    **keys: Any,
) -> list[dict[str, Any]]:
    """Return the errors of runs on other lattices, one dictionary a size: `efnn extrapolate`."""
    sizes = L if L is None or isinstance(L, (int, str)) else ",".join(map(str, L))
    done = call(
        extrapolate_command, quiet=quiet, arguments=words_of(runs, keys), size=option(sizes),
        samples=option(samples), seed=option(seed), device=device, workers=option(workers), out=path_of(out),
        data=paths_of(data), overwrite=overwrite,
    )  # fmt: skip
    return list(done.metrics["sizes"])


def sample(
    run: Word,
    *settings: Word,
    L: int | str | None = None,
    chains: int | None = None,
    proposals: int | None = None,
    seed: int | None = None,
    device: str | None = None,
    workers: int | None = None,
    out: Place | None = None,
    overwrite: bool = False,
    quiet: bool = False,
    **keys: Any,
) -> dict[str, Any]:
    """Return observables and merit of Markov chains whose moves a network proposes: `efnn sample`.

    `samples` is the path of their file.
    """
    done = call(
        sample_command, quiet=quiet, arguments=words_of([run, *settings], keys), size=option(L),
        chains=option(chains), proposals=option(proposals), seed=option(seed), device=device, workers=option(workers),
        out=path_of(out), overwrite=overwrite,
    )  # fmt: skip
    return {**done.metrics, "samples": Path(done.outputs["samples"]).absolute()}


def plot(
    kind: str,
    *runs: Word,
    data: Place | None = None,
    out: Place | None = None,
    overwrite: bool = False,
    quiet: bool = False,
    **keys: Any,
) -> Any:
    """Return a `matplotlib.figure.Figure` of runs, also written as files: `efnn plot`."""
    call(
        plot_command, quiet=quiet, arguments=[kind, *words_of(runs, keys)], data=path_of(data), out=path_of(out),
        overwrite=overwrite,
    )  # fmt: skip
    return style.SAVED.get()
