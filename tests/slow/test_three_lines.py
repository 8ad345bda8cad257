"""The main job as a new user types it, and what it must reach."""

import json
import subprocess
import sys
import time

import pytest
from fences import demo_commands

LINES = (
    "generate heisenberg --L 10",
    "train model=efnn depth=3",
    "extrapolate --L 40",
)


def efnn(line, folder, env=None):
    done = subprocess.run(
        [sys.executable, "-m", "efnn_cli", *line.split(), "--json"],
        cwd=folder, capture_output=True, text=True, check=False, env=env,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_three_lines_in_an_empty_folder(tmp_path, record_property):
    start = time.monotonic()
    *_, result = [efnn(line, tmp_path) for line in LINES]
    (size,) = result["metrics"]["sizes"]
    record_property("seconds", time.monotonic() - start)
    assert (size["L"], size["samples"]) == (40, 64)
    assert size["rmse_over_std"] <= 1e-4


@pytest.mark.soak
def test_the_demo(tmp_path, record_property):
    """`make demo` as it is: every network finite and carried to 40 x 40, the EFNN ahead of the linear model."""
    start = time.monotonic()
    *_, result = [efnn(line, tmp_path) for line in demo_commands()]
    record_property("seconds", time.monotonic() - start)
    errors = {row["model"]: row["errors"] for row in result["metrics"]["rows"]}
    assert list(errors) == ["efnn", "dnn", "resnet", "densenet", "effective"]
    assert all(set(each) == {"test", "L=10", "L=20", "L=40"} for each in errors.values())
    assert errors["efnn"]["test"] <= 1.5e-3
    assert errors["efnn"]["L=40"] <= 5e-4
    assert errors["efnn"]["test"] < errors["effective"]["test"]
    assert {"table", "means", "markdown", "parity", "figure"} == set(result["outputs"])
