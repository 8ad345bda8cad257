"""Two and three real processes: the same training as a plain loop in one, and the same result in every rank."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from plain import plain_training
from rank import CASES, NETWORKS, case

from efnn_cli.core import ranks
from efnn_cli.core.errors import ConfigError
from efnn_cli.training import distributed

NAMES = [*CASES, *(" ".join(each) for each in NETWORKS)]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module", params=[2, pytest.param(3, marks=pytest.mark.slow)])
def found(request, tmp_path_factory):
    """The results of all processes, by rank."""
    folder, size = tmp_path_factory.mktemp("ranks"), request.param
    shared = {"WORLD_SIZE": f"{size}", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    command = (sys.executable, "-W", "error", Path(__file__).parent / "rank.py", folder)
    environments = [{**os.environ, **shared, "RANK": str(rank), "CUDA_VISIBLE_DEVICES": ""} for rank in range(size)]
    started = [subprocess.Popen(command, env=each, stderr=subprocess.PIPE, text=True) for each in environments]
    for process in started:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(size)]


def equal(one, rows, weights, tolerance):
    """Whether an outcome has these rows and weights, to rounding."""
    same = np.allclose(one["rows"], rows, rtol=tolerance, atol=1e-12)
    return same and all(
        np.allclose(value, weights[key].numpy(), rtol=tolerance, atol=tolerance)
        for key, value in one["weights"].items()
    )


@pytest.mark.parametrize("name", NAMES)
def test_several_processes_train_as_a_plain_loop(found, name):
    tolerance = 1e-6 if name == "soap" else 1e-9
    assert equal(found[0][name], *plain_training(*case(name), seed=5), tolerance)
    assert all(each[name] == found[0][name] for each in found)
    # Negative control: other batches, as wrong parts or weights would be.
    if name in ("adam", "one left over"):
        assert not equal(found[0][name], *plain_training(*case(name), seed=6), tolerance)


def test_a_budget_goes_by_one_clock(found):
    """The clock of the other processes runs seven times as fast, and is not used."""
    clock = found[0]["clock"]
    assert all(each["clock"]["rows"] == clock["rows"] for each in found)
    assert clock["elapsed"] > 0.98
    assert clock["rows"][-1][1] < 0.1 * 1e-2  # of the cosine little is left, on a busy machine too


def test_one_process_is_alone(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "1")
    with distributed.joined():
        assert (distributed.world_size(), distributed.is_main()) == (1, True)
        model = torch.nn.Linear(2, 1)
        assert distributed.parallel(model) is model


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE"),
        ({"WORLD_SIZE": "2"}, "RANK"),
        ({"WORLD_SIZE": "2", "RANK": "2"}, "RANK from 0 to 1"),
        ({"WORLD_SIZE": "2", "RANK": "1", "MASTER_ADDR": "here", "MASTER_PORT": "http"}, "MASTER_PORT"),
    ],
)
def test_a_contradictory_environment(monkeypatch, environment, named):
    for key in ("RANK", "MASTER_ADDR", "MASTER_PORT", "LOCAL_RANK"):
        monkeypatch.delenv(key, raising=False)
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    with pytest.raises(ConfigError, match=named):
        ranks.process()
