"""`train --init` and `--extend`: a training that starts from another run."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from efnn_cli.storage import checkpoint
from tests.cli.conftest import arrays, call, files_below, rows

LATTICE = (
    "model=efnn",
    "depth=1",
    "width=2",
    "model.kernel_size=3",
    "training.batch_size=20",
    "training.dtype=float64",
)
STEPS = (
    *LATTICE,
    "training.schedule=step",
    "training.step_epochs=2",
    "training.step_factor=0.5",
    "training.warmup=0.0",
    "lr=0.01",
)


def train(*words, cwd):
    return cwd / call("train", *words, "--json", cwd=cwd).done().json()["outputs"]["run"]


@pytest.fixture
def data(copied):
    return ("--data", copied.dataset("lattice"))


def best(run):
    return checkpoint.read(run / "best.h5").state["weights"]


@pytest.mark.parametrize("optimizer", ["adam", "soap"])
def test_extended_by_steps_it_is_the_run_planned_longer(copied, data, optimizer):
    words = (*STEPS, f"training.optimizer={optimizer}", *data)
    short = train(*words, "epochs=3", cwd=copied.root)
    extended = train("--extend", short, "epochs=6", cwd=copied.root)
    planned = train(*words, "epochs=6", cwd=copied.root)
    assert len({short, extended, planned}) == 3
    assert rows(extended, "run") == rows(planned, "run")
    assert len(rows(short)) == 3
    for name in ("last.h5", "best.h5"):
        found, wanted = arrays(extended / name), arrays(planned / name)
        assert all(np.array_equal(found[key], wanted[key]) for key in wanted if "seconds" not in key)
    again = call("train", "--extend", short, "epochs=6", cwd=copied.root).done()
    assert "finished already" in again.err


def test_killed_while_the_state_was_copied_it_begins_again(copied, data):
    """The table had only the first of the rows that are copied, and last.h5 was not there yet."""
    short = train(*STEPS, *data, "epochs=3", cwd=copied.root)
    extended = train("--extend", short, "epochs=5", cwd=copied.root)
    wanted = rows(extended)
    table = (extended / "metrics.csv").read_text().splitlines(keepends=True)
    (extended / "metrics.csv").write_text("".join(table[:2]))
    for name in ("last.h5", "best.h5", "summary.json"):
        (extended / name).unlink()
    call("train", "--extend", short, "epochs=5", cwd=copied.root).done()
    assert rows(extended) == wanted


def test_a_second_cosine_starts_from_the_stated_rate(copied, data):
    cosine = (*LATTICE, "training.schedule=cosine", "lr=0.02", "epochs=2", *data)
    short = train(*cosine, cwd=copied.root)
    call("train", "--extend", short, "epochs=6", cwd=copied.root).failed(2, "lr")
    extended = rows(train("--extend", short, "epochs=6", "lr=0.004", cwd=copied.root))
    rates = [float(row["lr"]) for row in extended]
    assert rates[:2] == [float(row["lr"]) for row in rows(short)]
    assert 0.0035 < rates[2] <= 0.004
    assert rates[2] > rates[3] > rates[4] > rates[5]
    assert rates[5] < 0.0004


def test_only_epochs_and_rate_of_an_extended_run_change(copied, data):
    short = train(*STEPS, *data, "epochs=2", cwd=copied.root)
    for words, named in (
        (("epochs=2",), "epochs"), ((), "epochs"), (("epochs=4", "depth=2"), "depth"), (("epochs=4", "lr=1"), "lr"),
        (("epochs=4", "--init", short), "--init"), (("epochs=4", "-m"), "--extend"),
    ):  # fmt: skip
        call("train", "--extend", short, *words, cwd=copied.root).failed(2, named)
    (short / "summary.json").unlink()
    call("train", "--extend", short, "epochs=4", cwd=copied.root).failed(3, "not finished")


def test_fine_tuning_starts_where_the_other_run_ended(copied, data):
    """With a vanishing rate the new run is the old network but for the shift, on any Hamiltonian."""
    source = train(*STEPS, *data, "epochs=3", "training.initial_spread=0.5", cwd=copied.root)
    call(
        "generate", "heisenberg", "--L", 6, "--samples", 60, "system.J1=1.3", "--out", "other.h5", cwd=copied.root
    ).done()
    for where in ("other.h5", data[1]):
        tuned = train("--init", source, "--data", where, "epochs=1", "lr=1e-12", cwd=copied.root)
        old, new = best(source), best(tuned)
        assert old["scale"] == new["scale"]
        changed = [key for key in old if not np.allclose(old[key], new[key], rtol=1e-6)]
        assert changed == (["shift"] if where == "other.h5" else [])  # the old one had no mean error on its own data
    fresh = train(*LATTICE, "--data", "other.h5", "epochs=1", "lr=1e-12", cwd=copied.root)  # negative control
    assert not np.allclose(best(fresh)["network.invariants.weight"], old["network.invariants.weight"])


def test_frozen_invariants_stay_as_they_are(copied, data):
    source = train(*STEPS, *data, "epochs=2", cwd=copied.root)
    words = ("--init", source, *data, "epochs=2", "lr=0.05", "training.batch_size=20", "training.dtype=float64")
    frozen, free = (train(*words, *more, cwd=copied.root) for more in (("training.freeze=invariants",), ()))
    weights = [best(run)["network.invariants.weight"] for run in (source, frozen, free)]
    assert np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])
    assert not np.array_equal(best(source)["network.readout.weight"], best(frozen)["network.readout.weight"])


def test_an_interrupted_fine_tuning_needs_its_origin_no_more(copied, data):
    source = train(*STEPS, *data, "epochs=2", cwd=copied.root)
    words = ("--init", source, *data, "epochs=3", "lr=0.01")
    whole = train(*words, cwd=copied.root)
    wanted = rows(whole)
    (whole / "summary.json").unlink()
    call("train", "--resume", whole, cwd=copied.root).done()
    assert rows(whole) == wanted
    elsewhere = shutil.move(source, copied.root / "moved")
    call("train", "--resume", whole, cwd=copied.root).done()
    (whole / "last.h5").unlink()
    for each in ("best.h5", "summary.json"):
        (whole / each).unlink()
    call("train", "--resume", whole, cwd=copied.root).failed(3, Path(source).name)
    shutil.move(elsewhere, source)
    call("train", "--resume", whole, cwd=copied.root).done()
    assert rows(whole) == wanted


def test_another_network_is_refused(copied, data):
    source = train(*STEPS, *data, "epochs=1", cwd=copied.root)
    call("train", "--init", source, *data, "depth=2", cwd=copied.root).failed(2, "depth")
    call("train", "--init", source, *data, "model=dnn", cwd=copied.root).failed(2, "dnn")
    before = files_below(copied.root)
    refused = call("train", "--init", source, "--data", copied.dataset("binary"), cwd=copied.root)
    refused.failed(3, "does not fit", "heisenberg_lattice, spins (B, 3, 6, 6)", "three_spin, spins (B, 6)")
    assert files_below(copied.root) == before
    call("train", "--init", copied.run("hopping fit"), *data, cwd=copied.root).failed(2, "closed form")
    call("train", "--init", "nowhere", *data, cwd=copied.root).failed(3, "nowhere")
