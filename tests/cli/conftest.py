"""What the acceptance tests share: the real command, and a workshop of small datasets and finished runs."""

import contextlib
import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np
import pytest
import torch

from efnn_cli.cli import main
from efnn_cli.simulation import tuning

COMMANDS = ("generate", "train", "evaluate", "extrapolate", "predict", "inspect", "config", "runs", "plot")
SMALL = ("epochs=2", "training.optimizer=adam")
TIMEOUT = 120.0
EFNN = (sys.executable, "-m", "efnn_cli")
NO_USE = "no better than the mean energy"


@dataclass(frozen=True)
class Outcome:
    """How one command ended."""

    code: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        """The one object on stdout; anything else there, or a NaN in it, is a failure."""
        lines = self.out.splitlines()
        assert len(lines) == 1, f"wanted one object, found {self.out!r}; stderr: {self.err}"
        found = json.loads(lines[0], parse_constant=_refuse_constant)
        assert isinstance(found, dict)
        return found

    def warnings(self) -> list[str]:
        """Those of the result, but for the one that a small training is of no use."""
        return [each for each in self.json()["warnings"] if NO_USE not in each]

    def failed(self, code: int, *named: str) -> Self:
        """Check the failure: its code, no traceback, nothing on stdout, and what the message must name."""
        assert self.code == code, f"wanted exit {code}, found {self.code}; stderr: {self.err}"
        assert "Traceback" not in self.err
        assert self.out == ""
        assert self.err.count("error: ") == 1, self.err
        for each in named:
            assert each in self.err, f"{each!r} is not named in {self.err!r}"
        return self

    def done(self) -> Self:
        """Check that it ended well."""
        assert self.code == 0, f"exit {self.code}; stderr: {self.err}"
        return self


def _refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} in JSON")


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """One thread, since the work is tiny, and no GPU, since results are compared bit for bit."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", **(extra or {})}


def spawn(*command: object, cwd: Path, env: Mapping[str, str] | None = None, **how: Any) -> subprocess.Popen[str]:
    """Start a process in `cwd` and let it run."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*map(str, command)], cwd=cwd, env=environment(env), text=True, **pipes | how)


def begin_efnn(*args: object, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start the real command in `cwd` and let it run."""
    return spawn(*EFNN, *args, cwd=cwd, env=env)


def run_efnn(*args: object, cwd: Path, env: Mapping[str, str] | None = None, timeout: float = TIMEOUT) -> Outcome:
    """Run the real command in `cwd` as a process of its own."""
    with begin_efnn(*args, cwd=cwd, env=env) as process:
        return finish(process, timeout)


def as_anybody(*args: object, cwd: Path) -> Outcome:
    """Run the real command without the right of root to read and write everything; skipped where that stays."""
    command: tuple[object, ...] = (*EFNN, *args)
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root may do anything")
        rights = "-dac_override,-dac_read_search"
        command = ("setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}", *command)
    with spawn(*command, cwd=cwd) as process:
        return finish(process)


def finish(process: subprocess.Popen[str], timeout: float = TIMEOUT) -> Outcome:
    """The outcome of a started command."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return Outcome(process.returncode, out, err)


def finish_after(waiting: subprocess.Popen[str], held: subprocess.Popen[str]) -> tuple[Outcome, Outcome]:
    """Hold one process still until the other says that it waits for it, then the outcomes of both."""
    held.send_signal(signal.SIGSTOP)
    assert waiting.stderr is not None
    said = b""
    while b": waiting\n" not in said and (more := os.read(waiting.stderr.fileno(), 4096)):
        said += more
    held.send_signal(signal.SIGCONT)
    first, second = finish(held), finish(waiting)
    return first, Outcome(second.code, second.out, said.decode() + second.err)


def call(*args: object, cwd: Path) -> Outcome:
    """Run a command in this process: much faster, for the many cases that need no process of their own."""
    out, err = io.StringIO(), io.StringIO()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([str(each) for each in args])
    finally:
        torch.set_num_threads(threads)
    return Outcome(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def brief() -> Iterator[None]:
    """Let chains of this process tune their moves by a few, and make proposals of a few."""
    with pytest.MonkeyPatch.context() as patch:
        for name, few in (("TUNING", 10), ("TRIED", 10), ("MOST_MOVES", 4), ("RECORDED", 2), ("LENGTHS", (2, 4))):
            patch.setattr(tuning, name, few)
        yield


READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && cd "$0" && ! touch x && exec "$@"'


def read_only(folder: Path, *command: object) -> subprocess.CompletedProcess[str]:
    """Run `command` in `folder`, mounted read-only for it alone; skips the test where that is not allowed."""
    words = ["unshare", "-rm", "sh", "-c", READ_ONLY, str(folder)]
    if shutil.which("unshare") is None or subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount")
    return subprocess.run([*words, *map(str, command)], env=environment(), capture_output=True, text=True, check=False)


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Return as soon as `condition` holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def files_below(folder: Path) -> set[str]:
    """Every file below `folder`, hidden ones too."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def only_run(folder: Path) -> Path:
    """The one run below `outputs`."""
    (run,) = (folder / "outputs").iterdir()
    return run


def begun(folder: Path, epochs: int) -> bool:
    """Return whether the one run below `outputs` has done so many epochs."""
    tables = list((folder / "outputs").glob("*/metrics.csv"))
    return bool(tables) and tables[0].read_text().count("\n") > epochs


def rows(run: Path, *without: str) -> list[dict[str, str]]:
    """The rows of metrics.csv, without the column that is a time and those named."""
    found = csv.DictReader((run / "metrics.csv").read_text().splitlines())
    return [{key: value for key, value in row.items() if key not in ("seconds", *without)} for row in found]


def arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an HDF5 file by name, its metadata apart."""
    found: dict[str, np.ndarray] = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, node: found.update({name: node[()]}) if isinstance(node, h5py.Dataset) else None)
    del found["metadata"]
    return found


@dataclass(frozen=True)
class Workshop:
    """A folder with datasets, finished runs and spins, and how the commands that made them ended."""

    root: Path
    made: dict[str, Outcome]

    def dataset(self, name: str) -> Path:
        """A dataset, relative to the folder."""
        return Path(self.made[name].json()["outputs"]["dataset"])

    def run(self, name: str) -> Path:
        """A run folder, relative to the folder."""
        return Path(self.made[name].json()["outputs"]["run"])


DATASETS = {
    "hopping": ("double_exchange", "--L", 4, "--samples", 60),
    "binary": ("three_spin", "--L", 6, "--samples", 60),
    "scalar": ("heisenberg", "system.variant=infinite_range", "--L", 6, "--samples", 60),
    "lattice": ("heisenberg", "--L", 6, "--samples", 60),
}
RUNS = {
    "hopping fit": ("hopping", "model=effective"),
    "binary net": ("binary", "model=dnn", "depth=1", "width=8", *SMALL),
    "lattice twin": ("lattice", "model=efnn", "depth=1", "seed=1", *SMALL),
    "lattice net": ("lattice", "model=efnn", "depth=1", *SMALL),
}


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Datasets and runs of every kind; only for commands that write nothing there."""
    root = tmp_path_factory.mktemp("workshop")
    shop = Workshop(root, {})
    np.save(root / "s.npy", np.full((2, 3, 6, 6), 3**-0.5))
    for name, args in DATASETS.items():
        shop.made[name] = call("generate", *args, "--json", cwd=root).done()
    for name, (data, *args) in RUNS.items():
        shop.made[name] = call("train", "--data", shop.dataset(data), *args, "--json", cwd=root).done()
    return shop


@pytest.fixture
def copied(workshop: Workshop, tmp_path: Path) -> Workshop:
    """A copy of the workshop, with its modification times, to change at will."""
    return Workshop(Path(shutil.copytree(workshop.root, tmp_path / "copied")), workshop.made)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """An empty folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    return folder
