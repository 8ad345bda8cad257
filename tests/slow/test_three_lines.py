"""The main job as a new user types it, and what it must reach."""

import json
import subprocess
import sys
import time

import pytest

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
