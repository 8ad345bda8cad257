"""The shards of a job on a real Dask cluster: a scheduler and worker processes on loopback."""

import contextlib
import json
import signal
import sys

import numpy as np
import pytest
from cli.conftest import arrays, spawn, wait_for

from efnn_cli.cli import main

WORDS = ["generate", "double_exchange", "--L", "8", "--samples", "1500", "--json"]


def start(*words, folder):
    return spawn(sys.executable, "-m", *words, cwd=folder)


@contextlib.contextmanager
def cluster(folder, workers):
    """Address of a scheduler, and its worker processes (without nannies, so that a killed one stays dead)."""
    file = folder / "scheduler.json"
    scheduler = start(
        "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1",
        "--scheduler-file", file, folder=folder,
    )  # fmt: skip
    wait_for(lambda: file.exists() and file.stat().st_size > 0)
    address = json.loads(file.read_text())["address"]
    started = [
        start("distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", folder=folder)
        for _ in range(workers)
    ]
    try:
        yield address, started
    finally:
        for process in (*started, scheduler):
            process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The same dataset by threads of this process."""
    folder = tmp_path_factory.mktemp("threads")
    with contextlib.chdir(folder):
        assert main([*WORDS, "-q"]) == 0
    return next((folder / "data").glob("*.h5"))


@pytest.mark.slow
def test_a_worker_dies_and_the_dataset_is_the_same(tmp_path, expected):
    """One of two workers gets SIGKILL once a shard is stored: its shards go to the other one."""
    with cluster(tmp_path, workers=2) as (address, workers):
        job = start("efnn_cli", *WORDS, "executor=dask", f"executor.address={address}", folder=tmp_path)
        wait_for(lambda: list(tmp_path.glob("data/.*.shards/*.h5")) or job.poll() is not None)
        workers[0].send_signal(signal.SIGKILL)
        out, err = job.communicate(timeout=120)
    assert job.returncode == 0, err
    assert workers[0].returncode == -signal.SIGKILL
    found = tmp_path / json.loads(out)["outputs"]["dataset"]
    assert found.name == expected.name  # who labels does not name the dataset
    for name, array in arrays(expected).items():
        np.testing.assert_array_equal(arrays(found)[name], array)


@pytest.mark.slow
def test_a_cluster_of_its_own_labels_given_spins(tmp_path, expected):
    """Without an address: worker processes for this command; only the shard's own configurations travel."""
    mine = tmp_path / "mine.npy"
    np.save(mine, arrays(expected)["spins"])
    job = start(
        "efnn_cli", "generate", "double_exchange", "--spins", mine, "--workers", "2", "executor=dask", "--json",
        folder=tmp_path,
    )  # fmt: skip
    out, err = job.communicate(timeout=120)
    assert job.returncode == 0, err
    found = arrays(tmp_path / json.loads(out)["outputs"]["dataset"])
    np.testing.assert_array_equal(found["energies"], arrays(expected)["energies"])


def test_no_scheduler(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("efnn_cli.datasets.dask_cluster.CONNECT_SECONDS", 1)
    assert main([*WORDS[:-1], "executor=dask", "executor.address=tcp://127.0.0.1:9"]) == 5
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in capsys.readouterr().err
    assert not list(tmp_path.glob("data/*.h5"))


@pytest.mark.parametrize(
    ("words", "named"), [(["executor=mpi"], "threads"), (["executor.address=tcp://127.0.0.1:9"], "executor=dask")]
)
def test_wrong_executors(tmp_path, monkeypatch, capsys, words, named):
    monkeypatch.chdir(tmp_path)
    assert main(["generate", "heisenberg", *words]) == 2
    assert named in capsys.readouterr().err


def test_without_the_extra(tmp_path, monkeypatch, capsys):
    """Where distributed is not installed, the answer is what to install."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(["generate", "heisenberg", "--L", "4", "--samples", "5", "executor=dask"]) == 2
    assert "pip install 'efnn[dask]'" in capsys.readouterr().err
