"""Labelling in parts: side by side, beside a whole job, after the dataset is there, and merged."""

import signal
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from efnn_cli.config.words import Request
from efnn_cli.datasets.executors import Threads
from efnn_cli.datasets.job import Part
from efnn_cli.datasets.labelling import label_part
from efnn_cli.datasets.planning import plan_dataset

from .conftest import Outcome, begin_efnn, call, files_below, finish, run_efnn, wait_for

LONG = ("generate", "double_exchange", "--L", 8, "--samples", 2000, "--workers", 1)  # 8 shards
SHORT = ("generate", "double_exchange", "--L", 4, "--samples", 600)  # 3 shards


def contents(path: Path) -> dict[str, np.ndarray]:
    with h5py.File(path) as file:
        return {name: file[name][()] for name in ("spins", "energies")}


def same(one: Path, other: Path) -> bool:
    ours, theirs = contents(one), contents(other)
    return all(np.array_equal(ours[name], theirs[name]) for name in ours)


def part(index: int, count: int) -> tuple[object, ...]:
    return ("--shards", count, "--shard-index", index)


def shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("data/.*.shards/*.h5"))


def dataset(outcome: Outcome, folder: Path) -> Path:
    return folder / outcome.done().json()["outputs"]["dataset"]


def test_a_job_array_makes_the_same_dataset(here: Path):
    assert call(*SHORT, *part(1, 3), cwd=here).code == 0
    call("merge", *SHORT[1:], cwd=here).failed(3, "shards are missing", "number 0")
    for index in (0, 2):
        found = call(*SHORT, *part(index, 3), "--json", cwd=here).json()
        assert (found["status"], found["metrics"]["shard_index"]) == ("partial", index)
    merged = call("merge", *SHORT[1:], "--json", cwd=here)
    path = dataset(merged, here)
    assert merged.json()["command"] == "merge"
    assert files_below(here) == {str(path.relative_to(here))}
    again = call("merge", *SHORT[1:], "--json", cwd=here)
    assert "was there already" in again.err
    assert again.json() == merged.json()
    path.rename(here / "merged.h5")
    call(*SHORT, cwd=here).done()
    assert same(path, here / "merged.h5")


def test_a_part_without_work_says_why(here: Path):
    idle = call("generate", "double_exchange", "--L", 4, "--samples", 40, *part(1, 2), cwd=here).done()
    assert "nothing to do for part 1: the job is 1 block of up to 256 configurations" in idle.err
    names = [line.split()[0] for line in idle.out.splitlines()]
    assert len(names) == len(set(names))


def test_a_missing_option_of_merge_is_named(here: Path):
    call(*SHORT, "--seed", 3, *part(0, 2), cwd=here).done()
    call("merge", *SHORT[1:4], cwd=here).failed(3, "shards are missing", "add --samples 600 --seed 3")
    call("merge", *SHORT[1:], "--seed", 3, "system.J=8", cwd=here).failed(3, "add the other settings")


@pytest.mark.parametrize("words", [("--shards", 3), part(3, 3), ("--shard-index", 0)])
def test_a_share_is_named_whole(here: Path, words: tuple[object, ...]):
    call("generate", "heisenberg", *words, cwd=here).failed(2, "shard")


def test_a_part_after_the_dataset(here: Path):
    """It says that the dataset is there, gives its result, and leaves nothing behind."""
    whole = call(*SHORT, "--json", cwd=here).done()
    before = files_below(here)
    late = call(*SHORT, *part(0, 2), "--json", cwd=here).done()
    assert "was there already" in late.err
    assert late.json() == whole.json()
    assert files_below(here) == before
    assert {each.name for each in (here / "data").iterdir()} == {dataset(whole, here).name}


def test_parts_overwrite_nothing(here: Path):
    call(*SHORT, *part(0, 2), "--overwrite", cwd=here).failed(2, "--overwrite", "--shards")
    (here / "mine.h5").write_text("precious")
    call(*SHORT, *part(0, 2), "--out", "mine.h5", cwd=here).failed(6, "mine.h5")
    assert files_below(here) == {"mine.h5"}


@pytest.mark.slow
def test_parts_run_side_by_side(tmp_path: Path):
    """Neither waits for the other; a killed one leaves a lock that nobody minds."""
    with begin_efnn(*LONG, *part(0, 2), cwd=tmp_path) as one, begin_efnn(*LONG, *part(1, 2), cwd=tmp_path) as other:
        wait_for(lambda: len(list(tmp_path.glob("data/.*.part-*"))) == 2 or None not in (one.poll(), other.poll()))
        other.send_signal(signal.SIGKILL)
        first = finish(one).done()
        assert finish(other).code == -signal.SIGKILL
    assert "waiting" not in first.err
    assert list(tmp_path.glob("data/.*.part-1-of-2*")), "left by the killed part"
    run_efnn(*LONG, *part(1, 2), cwd=tmp_path).done()
    path = dataset(run_efnn("merge", *LONG[1:6], "--json", cwd=tmp_path), tmp_path)
    assert files_below(tmp_path) == {str(path.relative_to(tmp_path))}


def test_merge_finds_the_shards_of_another_kind_of_device(here: Path):
    """At T = 10 and L = 8 a CPU would take determinants, a GPU eigenvalues: the shards are those of a GPU."""
    words = ("double_exchange", "--L", "8", "--samples", "6", "system.T=10")
    request = Request(("system=double_exchange", "system.T=10"), {"system.L": "8", "samples": "6"})
    plan = plan_dataset(request, None, here / "d.h5")
    job = plan.job("cuda")
    assert (plan.job("cpu").reference, job.reference) == ("determinant", "dense")
    one = Part(1, 0)
    quiet = {"progress": lambda amount, earlier=False: None, "check_stop": lambda: None}
    threads = Threads(torch.device("cpu"), 1)
    assert label_part(job, plan.path, threads, one, **quiet) is None
    merged = call("merge", *words, "--device", "cuda", "--out", "d.h5", "--json", cwd=here).done()
    assert merged.json()["metrics"]["reference"] == "dense"
    assert label_part(plan.job("cpu"), here / "e.h5", threads, one, **quiet) is None
    merged = call("merge", *words, "--device", "cpu", "--out", "e.h5", "--json", cwd=here).done()
    assert merged.json()["metrics"]["reference"] == "determinant"
    call("merge", *words, "--device", "gpu", cwd=here).failed(2, "gpu")
