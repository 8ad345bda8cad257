"""`efnn train` as two real processes: one result, one writer, one voice, and an orderly end whatever happens to one."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest

from efnn_cli.storage import checkpoint
from efnn_cli.storage.lock import owned

from .conftest import Outcome, arrays, begin_efnn, begun, call, files_below, finish, only_run, rows, spawn, wait_for

EPOCHS = 200
NET = ("model=efnn", "depth=2", "width=12", "training.optimizer=adam", "training.dtype=float64")
RUN_FILES = {"config.yaml", "run.log", "metrics.csv", "last.h5", "best.h5", "summary.json", "lock"}


def train(epochs: int, *words: object) -> tuple[object, ...]:
    """56 training configurations in batches of 15: the last one has 11, 6 and 5 for the two processes."""
    return ("train", *NET, f"epochs={epochs}", "training.batch_size=15", "--device", "cpu", "--json", *words)


def torchrun(*args: object, cwd: Path) -> subprocess.Popen[str]:
    """Start two processes as users do."""
    launcher = ("-m", "torch.distributed.run", "--nproc-per-node", 2, "--standalone")
    return spawn(sys.executable, *launcher, "-m", "efnn_cli", *args, cwd=cwd)


Pair = list[subprocess.Popen[str]]


@contextmanager
def pair(*args: object, cwd: Path, others: Path | None = None, wanted: Sequence[int] = (0, 1)) -> Iterator[Pair]:
    """Two processes without a launcher, so that each has an exit code; the second one works in `others`.

    Of the two only the `wanted` ones are started.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(probe.getsockname()[1])}
    folders = (cwd, others or cwd)
    with ExitStack() as stack:
        members = [begin_efnn(*args, cwd=folders[rank], env=shared | {"RANK": str(rank)}) for rank in wanted]
        for each in members:
            stack.enter_context(each)
            stack.callback(each.kill)
        yield members


def both(*args: object, cwd: Path, others: Path | None = None) -> tuple[Outcome, Outcome]:
    """How the two processes ended."""
    with pair(*args, cwd=cwd, others=others) as members:
        first, second = (finish(each) for each in members)
    return first, second


def silent(outcome: Outcome, code: int) -> None:
    """Check a process that another one spoke for; on a busy machine it may have said that it waits for the others."""
    said = [line for line in outcome.err.splitlines() if " is waiting for the others " not in line]
    assert (outcome.code, outcome.out, said) == (code, "", [])


def make_data(folder: Path, seed: int = 0) -> None:
    folder.mkdir(exist_ok=True)
    call("generate", "three_spin", "--L", 6, "--samples", 80, "--seed", seed, "--device", "cpu", cwd=folder).done()


def numbers(run: Path) -> list[list[float]]:
    return [[float(value) for value in row.values() if value] for row in rows(run, "run")]


def test_torchrun_trains_as_one_process(here: Path):
    """Equal to rounding; the files are written once; the number of processes is not part of the run."""
    make_data(here)
    with torchrun(*train(12), cwd=here) as process:
        outcome = finish(process).done()
    run = only_run(here)
    assert outcome.json()["outputs"]["run"] == f"outputs/{run.name}"
    for text in ("run: ", "training efnn on 2 processes", "training: 12/12"):
        assert outcome.err.count(text) == 1, outcome.err
    assert {path.name for path in run.iterdir()} == RUN_FILES
    assert (run / "run.log").read_text().count("run: ") == 1
    assert [row["epoch"] for row in rows(run)] == [str(epoch) for epoch in range(1, 13)]
    before = files_below(here)

    again = call(*train(12), cwd=here).done()
    assert "finished already" in again.err
    assert again.json()["metrics"] == outcome.json()["metrics"]
    assert files_below(here) == before

    call(*train(12, "--out", "alone"), cwd=here).done()
    np.testing.assert_allclose(numbers(run), numbers(here / "alone"), rtol=1e-9)


@pytest.mark.slow
def test_alone_where_two_were_wanted(here: Path):
    """It says what it waits for."""
    with pair("train", cwd=here, wanted=[1]) as (member,):
        assert member.stderr is not None
        line = member.stderr.readline()
        for each in ("rank 1 of WORLD_SIZE=2 is waiting for the others at 127.0.0.1:", "unset WORLD_SIZE"):
            assert each in line
        member.send_signal(signal.SIGTERM)
        assert member.wait(30) == -signal.SIGTERM


@pytest.mark.slow
def test_a_run_in_use(here: Path):
    """The first process says it, once, and both end with its code."""
    make_data(here)
    run = here / call(*train(3, "--dry-run"), cwd=here).done().json()["outputs"]["run"]
    run.mkdir(parents=True)
    with owned(run / "lock", "the run"):
        first, second = both(*train(3), cwd=here)
    assert first.code == first.json()["code"] == 6
    assert first.err.count("error: ") == 1
    assert f"process {os.getpid()} " in first.err
    silent(second, 6)
    assert [path.name for path in run.iterdir()] == ["lock"]


@pytest.mark.parametrize("command", [("generate", "heisenberg"), ("evaluate",), ("bench", "labels")])
def test_other_commands_are_for_one_process(here: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]):
    for key, value in {"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(key, value)
    call(*command, cwd=here).failed(2, "WORLD_SIZE=2", "without torchrun")
    call("train", "--bogus", cwd=here).failed(2, "--bogus")
    monkeypatch.setenv("RANK", "1")
    silent(call(*command, cwd=here), 2)
    silent(call("train", "--bogus", cwd=here), 2)
    assert not list(here.iterdir())


def stored_epoch(run: Path) -> int:
    return int(checkpoint.read(run / "last.h5").state["epoch"])


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a dataset and the run that two undisturbed processes trained."""
    folder = tmp_path_factory.mktemp("calm")
    make_data(folder)
    both(*train(EPOCHS), cwd=folder)[0].done()
    return folder


def same_as(calm: Path, disturbed: Path) -> None:
    """Check that the run in `disturbed` is bit for bit that of undisturbed processes."""
    ours, theirs = only_run(disturbed), only_run(calm)
    assert rows(ours) == rows(theirs)
    assert len(rows(ours)) == EPOCHS
    for key, value in arrays(theirs / "best.h5").items():
        assert np.array_equal(value, arrays(ours / "best.h5")[key]), key


@pytest.mark.slow
def test_a_signal_to_torchrun(here: Path, calm: Path):
    """All processes stop at the same step; resumed by two, the result does not know of it."""
    make_data(here)
    with torchrun(*train(EPOCHS), cwd=here) as process:
        wait_for(lambda: begun(here, 10) or process.poll() is not None)
        process.send_signal(signal.SIGTERM)
        outcome = finish(process)
    run = only_run(here)
    assert outcome.json()["code"] == 143
    assert outcome.err.count("error: stopped by SIGTERM") == 1
    assert 10 <= stored_epoch(run) == len(rows(run)) < EPOCHS
    first, second = both("train", "--resume", run.relative_to(here), "--device", "cpu", cwd=here)
    assert "resumed after epoch" in first.done().err
    silent(second, 0)
    same_as(calm, here)


@pytest.mark.slow
def test_a_signal_to_one_process(here: Path, calm: Path):
    """As from a batch system: the other one stops at the same step."""
    make_data(here)
    with pair(*train(EPOCHS), cwd=here) as (main, other):
        wait_for(lambda: begun(here, 10) or main.poll() is not None)
        assert call(*train(EPOCHS), cwd=here).json()["code"] == 6
        other.send_signal(signal.SIGINT)
        first, second = finish(main), finish(other)
    assert first.code == first.json()["code"] == 130, first.err
    assert "error: stopped by SIGINT" in first.err
    silent(second, 130)
    assert stored_epoch(only_run(here)) == len(rows(only_run(here)))
    both(*train(EPOCHS), cwd=here)[0].done()
    same_as(calm, here)


@pytest.mark.slow
@pytest.mark.parametrize("dying", [0, 1])
def test_a_process_that_is_killed(here: Path, calm: Path, dying: int):
    """The other one ends by itself and says why; nothing is half written; the same command gives the same result."""
    make_data(here)
    with pair(*train(EPOCHS), cwd=here) as members:
        wait_for(lambda: begun(here, 10) or members[0].poll() is not None)
        members[dying].kill()
        outcome = finish(members[1 - dying], 30)
    run = only_run(here)
    assert outcome.code == 5, outcome.err
    assert outcome.err.count("lost another of the processes") == 1
    assert "the same command goes on" in outcome.err
    assert "Traceback" not in outcome.err
    if dying == 1:
        assert outcome.json()["code"] == 5
        assert stored_epoch(run) == len(rows(run)) >= 10
    assert not [name for name in files_below(here) if name.endswith(".tmp")]
    both(*train(EPOCHS), cwd=here)[0].done()
    same_as(calm, here)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (("model=dnn", "device=cuda:0"), 2, "--device cuda"),
        (("--data", "missing.h5"), 3, "missing.h5"),
        ((*NET, "lr=1e300"), 4, "not finite"),
    ],
)
def test_an_error_of_both(here: Path, words: tuple[str, ...], code: int, named: str):
    make_data(here)
    first, second = both("train", *words, cwd=here)
    first.failed(code, named)
    silent(second, code)
    assert code == 4 or not (here / "outputs").exists()


@pytest.mark.slow
def test_what_only_the_second_process_sees(here: Path, tmp_path: Path):
    make_data(here)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    first, second = both("train", *NET, cwd=here, others=elsewhere)
    first.failed(3, "rank 1: ", "no dataset")
    silent(second, 3)
    make_data(elsewhere, seed=1)
    first, second = both("train", *NET, cwd=here, others=elsewhere)
    first.failed(3, "the processes do not train the same thing", "rank 0", "rank 1")
    silent(second, 3)
    assert not (here / "outputs").exists()


@pytest.mark.slow
def test_plans_and_replacements(here: Path):
    """Dry runs write nothing, finished runs are found, and `--overwrite` trains aside."""
    make_data(here)
    plan, second = both(*train(3, "--dry-run"), cwd=here)
    assert plan.done().json()["status"] == "planned"
    silent(second, 0)
    assert not (here / "outputs").exists()
    first = both(*train(3), cwd=here)[0].done()
    before = (only_run(here) / "summary.json").read_bytes()
    for words in ((), ("--overwrite",)):
        found, second = both(*train(3, *words), cwd=here)
        assert found.done().json()["metrics"]["test"] == first.json()["metrics"]["test"]
        silent(second, 0)
        assert ((only_run(here) / "summary.json").read_bytes() != before) == bool(words)
    assert {path.name for path in only_run(here).iterdir()} == RUN_FILES
