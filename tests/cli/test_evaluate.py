"""`evaluate` and `predict`: weights, configurations, a stop at a signal; printed errors against plain formulas."""

import csv
import shutil
import signal
from pathlib import Path

import h5py
import numpy as np
import pytest

import efnn_cli
from efnn_cli.storage import dataset, predictions
from efnn_cli.training.split import split

from .conftest import SMALL, Outcome, Workshop, begin_efnn, call, files_below, finish

# The learning rate rises until training diverges: the best epoch is an early one.
RECIPE = ("optimizer=adam", "schedule=constant", "warmup=0.95", "batch_size=4", "initial_spread=0.1")
DIVERGING = ("epochs=10", "lr=3", *(f"training.{each}" for each in RECIPE))


def train(root: Path, data: Path, *args: object) -> Outcome:
    words = ("train", "--data", data, "model=dnn", "depth=1", "width=8", "--device", "cpu", "--json")
    return call(*words, *(args or SMALL), cwd=root).done()


def configurations(path: Path) -> list[bytes]:
    with h5py.File(path) as file:
        return [row.tobytes() for row in file["spins"][()]]


# ------------------------------------------------------------------ which weights


@pytest.mark.parametrize("average", [(), ("training.ema=0.5",)], ids=["plain", "averaged"])
def test_the_weights_of_the_named_file_are_evaluated(copied: Workshop, average: tuple[str, ...]):
    """A run and its best.h5: the best ones. last.h5: the last ones, averaged where these are what is validated."""
    made = train(copied.root, copied.dataset("scalar"), *DIVERGING, *average).json()
    run = copied.root / made["outputs"]["run"]
    shutil.copy(run / "last.h5", copied.root / "kept.h5")
    rows = list(csv.DictReader((run / "metrics.csv").read_text().splitlines()))
    errors = [float(row["val_rmse"]) for row in rows]
    assert min(errors) < 0.5 * errors[-1], "the last weights are not the best"
    best, last = ("best", min(errors), 1 + errors.index(min(errors))), ("last", errors[-1], len(errors))
    expected = {run: best, run / "best.h5": best, run / "last.h5": last, copied.root / "kept.h5": last}
    for path, (weights, error, epoch) in expected.items():
        outcome = call("evaluate", path, "--data", copied.dataset("scalar"), "split=val", "--json", cwd=copied.root)
        metrics = outcome.done().json()["metrics"]
        assert metrics["rmse"] == pytest.approx(error, rel=1e-6)
        assert metrics["weights"] == weights
        assert (f"the last weights, those of epoch {epoch}" in outcome.err) == (weights == "last")
        loaded = efnn_cli.load(path, device="cpu")
        assert (loaded.weights, loaded.epoch) == (weights, epoch)
    assert made["metrics"]["val"]["rmse"] == pytest.approx(min(errors), rel=1e-6)


def test_an_ensemble_of_best_and_last_weights(copied: Workshop):
    run = copied.run("binary net")
    words = ("evaluate", run, run / "last.h5", "--out", "p.h5", "--json")
    metrics = call(*words, cwd=copied.root).done().json()["metrics"]
    assert metrics["weights"] == "mixed"
    assert [each["weights"] for each in metrics["members"]] == ["best", "last"]
    assert predictions.read(copied.root / "p.h5")[1]["weights"] == ["best", "last"]


def test_results_of_the_last_weights_do_not_replace_those_of_the_run(copied: Workshop):
    made = train(copied.root, copied.dataset("lattice"), *DIVERGING).json()
    run = Path(made["outputs"]["run"])
    words = ("--L", 5, "--samples", 3, "--json")
    ours = call("extrapolate", run, *words, cwd=copied.root).done().json()["outputs"]["table"]
    table = (copied.root / ours).read_bytes()
    assert call("extrapolate", run / "last.h5", *words, cwd=copied.root).json()["code"] == 6
    assert (copied.root / ours).read_bytes() == table
    call("extrapolate", run / "last.h5", *words, "--out", "last", cwd=copied.root).done()
    assert (copied.root / "last" / "extrapolation.csv").read_bytes() != table
    spins = ("--spins", copied.dataset("lattice"), "--json")
    names = [
        call("predict", path, *spins, cwd=copied.root).done().json()["outputs"]["energies"]
        for path in (run, run / "last.h5")
    ]
    best, last = (predictions.read(copied.root / name) for name in names)
    assert (best[1]["weights"], last[1]["weights"]) == (["best"], ["last"])
    assert not np.array_equal(best[0]["energies"], last[0]["energies"])


def test_a_run_that_is_not_finished_warns(copied: Workshop):
    run = copied.run("lattice net")
    (copied.root / run / "summary.json").unlink()
    epoch = efnn_cli.load(copied.root / run, device="cpu").epoch
    for args in (
        ("evaluate", run),
        ("evaluate", run / "last.h5"),
        ("predict", run, "--spins", copied.dataset("lattice")),
        ("extrapolate", run, "--L", 5, "--samples", 3),
    ):
        outcome = call(*args, "--json", cwd=copied.root).done()
        (warning,) = outcome.warnings()
        assert warning == f"{run} is not finished: the weights are those of epoch {epoch} so far"
        assert f"warning: {warning}" in outcome.err


# ------------------------------------------------------------------ which configurations


def more(root: Path, *args: object) -> Path:
    """A dataset whose first 60 configurations are those of the workshop's: same seed, more samples."""
    words = ("generate", "heisenberg", "system.variant=infinite_range", "--L", 6, "--samples", 90)
    call(*words, "--out", "more.h5", *args, cwd=root).done()
    return root / "more.h5"


def test_configurations_seen_in_training_are_named_and_left_out_on_request(copied: Workshop):
    path = more(copied.root)
    mine = configurations(copied.root / copied.dataset("scalar"))
    assert configurations(path)[:60] == mine
    run = train(copied.root, copied.dataset("scalar")).json()["outputs"]["run"]
    whole = call("evaluate", run, "--data", "more.h5", "--json", cwd=copied.root).done()
    (warning,) = whole.warnings()
    assert warning.startswith("48 of 90 configurations of more.h5 ")
    assert "seen=drop" in warning
    assert whole.json()["metrics"]["samples"] == 90
    words = ("--data", "more.h5", "--out", "p.h5", "seen=drop", "--json")
    outcome = call("evaluate", run, *words, cwd=copied.root).done()
    (warning,) = outcome.warnings()
    assert warning.startswith("48 of 90 configurations of more.h5 ")
    assert run in warning
    assert "left out" in warning
    assert outcome.json()["metrics"]["samples"] == 42
    with h5py.File(copied.root / "p.h5") as file:
        indices = file["indices"][()]
    assert len(indices) == 42
    assert set(range(60, 90)) <= set(indices)
    test = call("evaluate", run, "--out", "t.h5", "--json", cwd=copied.root).done()
    assert test.warnings() == []
    with h5py.File(copied.root / "t.h5") as file:
        assert sorted(file["indices"][()]) == sorted(set(indices) & set(range(60)))


def test_an_ensemble_of_two_datasets(copied: Workshop):
    """The test split of one dataset without what the other member has seen of it, in any order.

    In a dataset of little else the same configurations are dealt out to all parts.
    """
    one = train(copied.root, copied.dataset("scalar")).json()["outputs"]["run"]
    call("evaluate", one, "--out", "i.h5", cwd=copied.root).done()
    with h5py.File(copied.root / "i.h5") as chosen, h5py.File(more(copied.root)) as file:
        np.save(copied.root / "few.npy", file["spins"][()][[*chosen["indices"][()], 60, 61, 62]])
    words = ("generate", "heisenberg", "system.variant=infinite_range", "--spins", "few.npy", "--out", "few.h5")
    call(*words, cwd=copied.root).done()
    other = train(copied.root, Path("few.h5")).json()["outputs"]["run"]
    test, seen = configurations(copied.root / "few.h5")[:12], []
    for part in "train", "val":
        call("evaluate", other, f"split={part}", "--out", "i.h5", "--overwrite", cwd=copied.root).done()
        with h5py.File(copied.root / "i.h5") as file:
            seen += [configurations(copied.root / "few.h5")[index] for index in file["indices"][()]]
    fresh = set(test) - set(seen)
    assert 0 < len(fresh) < len(test)
    for runs in ((one, other), (other, one)):
        words = ("--data", copied.dataset("scalar"), "seen=drop", "--json")
        found = call("evaluate", *runs, *words, cwd=copied.root).done()
        assert found.json()["metrics"]["samples"] == len(fresh)
        (warning,) = found.warnings()
        assert warning.startswith(f"{12 - len(fresh)} of 12 ")
        assert other in warning
    named = call("evaluate", one, other, "split=train", "--json", cwd=copied.root).done().json()
    assert named["metrics"]["samples"] == 43, "asked for by name it is whole"


def test_the_training_dataset_is_gone(copied: Workshop):
    run = train(copied.root, copied.dataset("scalar")).json()["outputs"]["run"]
    (copied.root / copied.dataset("scalar")).unlink()
    more(copied.root)
    found = call("evaluate", run, "--data", "more.h5", "--json", cwd=copied.root).done()
    (warning,) = found.warnings()
    assert "more.h5 may share configurations" in warning
    assert found.json()["metrics"]["samples"] == 90
    more(copied.root, "--seed", 1, "--overwrite")
    found = call("evaluate", run, "--data", "more.h5", "--json", cwd=copied.root).done()
    assert found.warnings() == []


# ------------------------------------------------------------------ where the dataset is


@pytest.mark.parametrize("place", ["data/renamed.h5", "outputs/beside.h5"])
def test_run_and_dataset_copied_elsewhere(copied: Workshop, here: Path, place: str):
    run, data = copied.run("lattice net"), copied.dataset("lattice")
    moved = here.parent / "moved"
    shutil.copytree(copied.root / run, moved / run)
    (moved / place).parent.mkdir(exist_ok=True)
    shutil.copy(copied.root / data, moved / place)
    for path in (moved / run, Path("..") / "moved" / run, moved / run / "best.h5"):
        found = call("evaluate", path, "--json", cwd=here).done().json()
        assert found["metrics"]["rmse"] == copied.made["lattice net"].json()["metrics"]["test"]["rmse"]
    (moved / run / "summary.json").unlink()
    call("train", "--resume", moved / run, cwd=here).done()
    (moved / place).unlink()
    call("evaluate", moved / run, cwd=here).failed(3, "--data", run.name)


# ------------------------------------------------------------------ how it runs


def test_predictions_can_be_inspected(copied: Workshop):
    runs = [copied.run("lattice net"), copied.run("lattice twin")]
    evaluated = call("evaluate", *runs, "--out", "p.h5", "--json", cwd=copied.root).done().json()["metrics"]
    found = call("inspect", "p.h5", "--json", cwd=copied.root).done().json()["metrics"]
    assert (found["kind"], found["samples"], found["members"]) == ("predictions", 12, 2)
    assert found["errors"]["rmse"] == evaluated["rmse"]
    assert found["metadata"]["runs"] == [str(run) for run in runs]
    made = call("predict", runs[0], "--spins", copied.dataset("lattice"), "--json", cwd=copied.root).done().json()
    found = call("inspect", made["outputs"]["energies"], "--json", cwd=copied.root).done().json()["metrics"]
    assert found["errors"] is None
    assert found["energy"]["mean"] == made["metrics"]["mean"]
    assert "predictions" in call("inspect", "p.h5", cwd=copied.root).done().out
    damaged = copied.root / "p.h5"
    damaged.write_bytes(damaged.read_bytes()[:-300])
    call("inspect", "p.h5", cwd=copied.root).failed(3, "p.h5")


@pytest.mark.slow
def test_signal_while_predicting(copied: Workshop):
    np.save(copied.root / "big.npy", np.tile(np.array([0.0, 0.0, 1.0]).reshape(1, 3, 1, 1), (3000, 1, 48, 48)))
    before = files_below(copied.root)
    words = ("predict", copied.run("lattice net"), "--spins", "big.npy", "--json")
    with begin_efnn(*words, cwd=copied.root) as process:
        assert process.stderr is not None
        while not (line := process.stderr.readline()).startswith("predicting on"):
            assert line, "it ended before"
        process.send_signal(signal.SIGINT)
        outcome = finish(process)
    assert (outcome.code, outcome.json()["code"]) == (130, 130), outcome.err
    assert outcome.err.count("error: ") == 1
    assert "stopped by SIGINT" in outcome.err
    assert files_below(copied.root) == before


# ------------------------------------------------------------------ errors against plain formulas


NAMES = ("lattice net", "lattice twin")


def predicted(shop: Workshop, names: tuple[str, ...], spins: np.ndarray) -> np.ndarray:
    """Energies (members, B) of every network, one configuration at a time."""
    runs = [efnn_cli.load(shop.root / shop.run(name), device="cpu") for name in names]
    return np.array([[run.predict(each[None])[0] for each in spins] for run in runs])


def plain_errors(energies: np.ndarray, true: np.ndarray, sites: int) -> dict[str, float | None]:
    error = energies - true
    rmse = float(np.sqrt(np.sum(error**2) / len(true)))
    centred = np.sqrt(np.sum((true - true.mean()) ** 2) / len(true))
    return {
        "samples": len(true),
        "rmse": rmse,
        "rmse_over_std": rmse / centred,
        "relative_error": rmse / abs(true.mean()) if abs(true.mean()) >= centred else None,
        "rmse_per_site": rmse / sites,
        "bias_per_site": float(np.sum(error)) / len(true) / sites,
    }


def is_close(found: dict[str, float], wanted: dict[str, float | None]) -> bool:
    return all(
        found[key] == (None if value is None else pytest.approx(value, rel=1e-5)) for key, value in wanted.items()
    )


@pytest.mark.parametrize("names", [NAMES[:1], NAMES], ids=["one network", "ensemble"])
def test_errors_on_the_test_split(workshop: Workshop, names: tuple[str, ...]) -> None:
    data = dataset.read(workshop.root / workshop.dataset("lattice"))
    found = call("evaluate", *map(workshop.run, names), "--json", cwd=workshop.root).done().json()["metrics"]
    parts = split(data.spins)
    for part in ("test", "val"):
        chosen = parts.part(part)
        energies = predicted(workshop, names, data.spins[chosen]).mean(axis=0)
        wanted = plain_errors(energies, data.energies[chosen], 36)
        assert is_close(found, wanted) == (part == "test")  # negative control: those of another split


def test_errors_at_another_size_are_of_new_configurations_of_the_same_hamiltonian(copied: Workshop) -> None:
    words = ("extrapolate", *map(copied.run, NAMES), "--L", 5, "--samples", 7, "--json")
    (found,) = call(*words, cwd=copied.root).done().json()["metrics"]["sizes"]
    data = dataset.read(next(copied.root.glob("data/references/heisenberg-L5-n7-*.h5")))
    bonds = [np.roll(data.spins, -1, axis) * data.spins for axis in (2, 3)]
    np.testing.assert_allclose(data.energies, -sum(each.sum(axis=(1, 2, 3)) for each in bonds), rtol=1e-12)
    energies = predicted(copied, NAMES, data.spins)
    assert is_close(found, plain_errors(energies.mean(axis=0), data.energies, 25))
    spread = np.sqrt(np.mean((energies[0] - energies[1]) ** 2 / 2)) / 25  # sample deviation of two
    assert found["spread_per_site"] == pytest.approx(spread, rel=1e-5)
    for member, each in zip(found["members"], energies, strict=True):
        wanted = plain_errors(each, data.energies, 25)
        assert is_close(member, {key: wanted[key] for key in ("rmse", "rmse_per_site", "bias_per_site")})


def test_the_reference_configurations_are_those_of_no_training_seed(copied: Workshop) -> None:
    """At the size and seed of the training too."""
    call("extrapolate", copied.run(NAMES[0]), "--L", 6, "--samples", 60, cwd=copied.root).done()
    trained = dataset.read(copied.root / copied.dataset("lattice"))
    found = dataset.read(next(copied.root.glob("data/references/heisenberg-L6-n60-*.h5")))
    assert trained.metadata["seed"] == found.metadata["seed"]
    assert not {each.tobytes() for each in trained.spins} & {each.tobytes() for each in found.spins}


def test_fields_of_a_network_are_its_downhill_slope(workshop: Workshop) -> None:
    """Central differences along a rotation of one spin: dE = -F . dS."""
    run = efnn_cli.load(workshop.root / workshop.run(NAMES[0]), device="cpu")
    spins = dataset.read(workshop.root / workshop.dataset("lattice")).spins[:2]
    fields, step = run.fields(spins), 2e-2
    across = np.cross(spins[:, :, 2, 3], [[0.3, 0.5, -0.8], [0.6, -0.1, 0.7]])
    turned = []
    for angle in (step, -step):
        moved = spins.copy()
        new = spins[:, :, 2, 3] + angle * across
        moved[:, :, 2, 3] = new / np.linalg.norm(new, axis=1, keepdims=True)
        turned.append(run.predict(moved))
    slope = (turned[0] - turned[1]) / (2 * step)
    np.testing.assert_allclose(np.sum(fields[:, :, 2, 3] * across, axis=1), -slope, rtol=0.02, atol=2e-3)
    assert np.abs(slope).max() > 0.02
