"""`train --data A.h5 --data B.h5`: one network on datasets of several sizes, each with a split of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from .conftest import SMALL, call

WORDS = ("train", "model=efnn", "width=2", "training.augment=true", *SMALL)


@pytest.fixture
def made(here: Path) -> dict[str, str]:
    """Datasets of the same Hamiltonian at two sizes, and of another one."""
    words = {"small": ("--L", 4), "large": ("--L", "6x5"), "other": ("--L", 4, "system.J2=0.5")}
    found = {}
    for name, more in words.items():
        done = call("generate", "heisenberg", "--samples", 50, *more, "--json", cwd=here).done().json()
        found[name] = done["outputs"]["dataset"]
    return found


def test_one_network_of_two_sizes(here: Path, made: dict[str, str]):
    both = ("--data", made["small"], "--data", made["large"])
    found = call(*WORDS, *both, "--json", cwd=here).done().json()
    metrics, run = found["metrics"], here / found["outputs"]["run"]
    assert [(each["L"], each["samples"]) for each in metrics["datasets"]] == [(4, 50), ("6x5", 50)]
    assert metrics["datasets"][0]["test"] == metrics["test"]
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert [each["path"] for each in (config["dataset"], *config["more_datasets"])] == [made["small"], made["large"]]
    again = call(*WORDS, *both, "--json", cwd=here).done().json()
    assert (again["outputs"], again["metrics"]) == (found["outputs"], metrics)
    alone = call(*WORDS, "--data", made["small"], "--json", cwd=here).done().json()
    assert alone["outputs"] != found["outputs"]
    for data, errors in zip((made["small"], made["large"]), metrics["datasets"], strict=True):
        judged = call("evaluate", run, "--data", data, "--json", cwd=here).done().json()["metrics"]
        assert judged["samples"] == 10  # the test split of each
        assert judged["rmse"] == errors["test"]["rmse"]
    resumed = call("train", "--resume", run, "--json", cwd=here).done().json()
    assert resumed["metrics"] == metrics


def test_the_best_weights_have_no_mean_error_on_their_training_data(here: Path, made: dict[str, str]):
    """Of two sizes the errors per site have no mean."""

    def bias(run: str, name: str) -> tuple[float, float, int]:
        words = ("evaluate", run, "--data", made[name], "split=train", "--json")
        metrics = call(*words, cwd=here).done().json()["metrics"]
        return metrics["bias"], metrics["rmse"], metrics["samples"]

    def trained(*words: str) -> str:
        return call(*WORDS, *words, "--json", cwd=here).done().json()["outputs"]["run"]

    alone = ("--data", made["small"])
    one, published = trained(*alone), trained(*alone, "training.initial_spread=null")
    two = trained(*alone, "--data", made["large"])
    mean, error, _ = bias(one, "small")
    assert abs(mean) < 1e-6 * error
    mean, error, _ = bias(published, "small")
    assert abs(mean) > 1e-3 * error  # the published network has no units
    (small, error, few), (large, _, more) = bias(two, "small"), bias(two, "large")
    assert abs(few * small / 16 + more * large / 30) < 1e-5 * few * error / 16
    assert abs(small) > 1e-3 * error


def test_the_linear_model_of_two_sizes_is_exact_on_both(here: Path, made: dict[str, str]):
    both = ("--data", made["small"], "--data", made["large"])
    metrics = call("train", "model=effective", *both, "--json", cwd=here).done().json()["metrics"]
    assert max(each["test"]["rmse_over_std"] for each in metrics["datasets"]) < 1e-10


def test_datasets_that_do_not_go_together(here: Path, made: dict[str, str]):
    small = ("--data", made["small"])
    call(*WORDS, *small, "--data", made["other"], cwd=here).failed(3, "another Hamiltonian", "system.J2 = 0.5")
    call(*WORDS, *small, *small, cwd=here).failed(3, "twice")
    call(*WORDS, "-m", *small, "--data", made["large"], "depth=1,2", cwd=here).failed(2, "sweep")
