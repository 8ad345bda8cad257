"""Two real processes: the same result as one at the same batches, equal in both, whatever the shares."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from team_member import CASES, NETWORKS, everything, trained, trainer_of

from efnn_cli.core import ranks
from efnn_cli.core.errors import ConfigError
from efnn_cli.training.team import SOLO, Team, joined

MEMBER = Path(__file__).parent / "team_member.py"
NAMES = [*CASES, *(" ".join(each) for each in NETWORKS), "one to validate", "resumed"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def two_processes(*command):
    """Start `command` twice, as the two processes of a team."""
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    environments = [{**os.environ, **shared, "RANK": str(rank), "CUDA_VISIBLE_DEVICES": ""} for rank in range(2)]
    return [subprocess.Popen(command, env=each, stderr=subprocess.PIPE, text=True) for each in environments]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What both processes got, by rank."""
    folder = tmp_path_factory.mktemp("team")
    members = two_processes(sys.executable, "-W", "error", MEMBER, folder)
    for member in members:
        _, err = member.communicate(timeout=120)
        assert member.returncode == 0, err
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(2)]


@pytest.fixture(scope="module")
def alone():
    """What one process gets."""
    return everything(SOLO)


def close(ours, theirs, tolerance):
    """Whether two outcomes are the same to rounding."""
    if ours["best"][0] != theirs["best"][0] or len(ours["rows"]) != len(theirs["rows"]):
        return False
    pairs = [(a[key], b[key]) for a, b in zip(ours["rows"], theirs["rows"], strict=True) for key in a]
    pairs = [(a, b) for a, b in pairs if (a, b) != (None, None)]
    pairs += [(ours["best"][1], theirs["best"][1])]
    if any(a != pytest.approx(b, rel=tolerance) for a, b in pairs):
        return False
    return all(
        torch.allclose(torch.tensor(value), torch.tensor(theirs["weights"][key]), rtol=tolerance, atol=tolerance)
        for key, value in ours["weights"].items()
    )


@pytest.mark.parametrize("name", NAMES)
def test_two_processes_train_as_one(found, alone, name):
    assert close(found[0][name], alone[name], 1e-6 if name in ("soap", "resumed") else 1e-9)
    # Negative control: another seed of the batches, as wrong shares or weights would be.
    if name in CASES and name != "patience" and name != "one batch":
        other = trainer_of(SOLO, CASES[name])
        other.seed = 6
        assert not close(trained(other), alone[name], 1e-6)


def test_a_wrong_weight_would_be_seen(alone):
    """Shares of three and two that count alike, as without weights: not the mean over the batch."""

    class Careless(Team):
        def backward(self, loss, weight):
            torch.autograd.backward(0.999 * loss)

    careless = trained(trainer_of(Careless(ranks.Place()), CASES["adam"]))
    assert not close(careless, alone["adam"], 1e-9)


def test_both_processes_have_the_same_result(found):
    for name in NAMES:
        assert found[0][name] == found[1][name]


def test_resumed_equals_uninterrupted(found):
    assert found[0]["resumed"] == found[0]["soap"]


def test_a_budget_goes_by_one_clock(found):
    """The clock of the second process runs seven times as fast, and nobody looks at it."""
    rows = found[0]["clock"]["rows"]
    assert rows == found[1]["clock"]["rows"]
    assert len(rows) > 1
    assert found[0]["clock"]["elapsed"] > 0.98
    assert rows[-1]["lr"] < 1e-2 * rows[0]["lr"]


def test_one_process_is_alone(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "1")
    with joined() as team:
        assert team is SOLO
        assert team.leads
    model = torch.nn.Linear(2, 1)
    assert team.parallel(model) is model


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE"),
        ({"WORLD_SIZE": "0"}, "WORLD_SIZE"),
        ({"WORLD_SIZE": "2"}, "RANK"),
        ({"WORLD_SIZE": "2", "RANK": "2"}, "RANK from 0 to 1"),
        ({"WORLD_SIZE": "2", "RANK": "1"}, "MASTER_ADDR"),
        ({"WORLD_SIZE": "2", "RANK": "1", "MASTER_ADDR": "here", "MASTER_PORT": "http"}, "MASTER_PORT"),
    ],
)
def test_an_environment_that_contradicts_itself(monkeypatch, environment, named):
    for key in ("RANK", "MASTER_ADDR", "MASTER_PORT", "LOCAL_RANK"):
        monkeypatch.delenv(key, raising=False)
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    with pytest.raises(ConfigError, match=named):
        ranks.place()
