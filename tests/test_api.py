"""The commands from Python do what they do from the shell, in any thread."""

import logging
import signal
import threading

import pytest

import efnn_cli as efnn
from efnn_cli.api.words import words_of
from efnn_cli.core.errors import ConfigError
from efnn_cli.core.signals import SIGNALS
from tests.cli.conftest import call

KEYS = {"training.optimizer": "adam"}


def state():
    log = logging.getLogger("efnn")
    return [signal.getsignal(each) for each in SIGNALS], log.handlers[:], log.level, log.propagate


def study():
    data = efnn.generate("heisenberg", "system.J2=0.3", L=6, samples=60)
    run = efnn.train(KEYS, model="efnn", depth=1, epochs=2, data=data)
    return data, run, efnn.evaluate(run, split="val"), efnn.extrapolate(run, L=[6, 8], samples=4)


def test_a_study_in_a_thread_is_that_of_the_shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before, done = state(), []
    thread = threading.Thread(target=lambda: done.append(study()))
    thread.start()
    thread.join()
    assert state() == before
    data, run, errors, sizes = done[0]
    words = ("model=efnn", "depth=1", "epochs=2", "training.optimizer=adam", "--data", data.path, "--json")
    shell = call("train", *words, cwd=tmp_path).done().json()
    assert (tmp_path / shell["outputs"]["run"]) == run.path
    assert shell["metrics"] == run.metrics
    assert errors["rmse"] == pytest.approx(run.metrics["val"]["rmse"], rel=1e-4)
    assert [row["epoch"] for row in run.history] == [1, 2]
    assert [each["L"] for each in sizes] == [6, 8]
    assert data.spins.shape == (len(data), 3, 6, 6)
    assert repr(data) == f"DatasetFile({str(data.path)!r}, samples=60)"
    before = state()
    assert len(efnn.plot("curve", run).axes) > 0
    with pytest.raises(ConfigError, match="no_such") as raised:
        efnn.train(no_such=1, data=data)
    assert raised.value.__notes__ == [raised.value.hint]
    assert state() == before
    last = efnn.load(run.path / "last.h5")
    assert efnn.evaluate(last, split="val")["weights"] == "last"
    assert efnn.evaluate(run, split="val")["weights"] == "best"


def test_chains_from_python_are_those_of_the_shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = efnn.generate("heisenberg", L=4, samples=60, quiet=True)
    run = efnn.train(KEYS, model="efnn", depth=1, epochs=1, data=data, quiet=True)
    found = efnn.sample(run, temperature=0.5, chains=4, proposals=4, warmup=1, trajectories=2, quiet=True)
    words = ("temperature=0.5", "--chains", 4, "--proposals", 4, "warmup=1", "trajectories=2", "--json", "-q")
    shell = call("sample", run.path, *words, cwd=tmp_path).done().json()
    assert {**shell["metrics"], "samples": tmp_path / shell["outputs"]["samples"]} == found


def test_names_are_listed_before_they_are_used():
    assert {"load", "train"} <= set(dir(efnn))


def test_words_stay_as_they_are():
    assert words_of(["executor.address=tcp://host:1"], {"L": [6, "12x8"]}) == [
        "executor.address=tcp://host:1",
        "L=[6,12x8]",
    ]
