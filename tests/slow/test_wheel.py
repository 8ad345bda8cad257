"""The wheel in a clean environment of its own, far from the checkout: the main job works with nothing else."""

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
JOB = (
    "generate heisenberg --L 6 --samples 60",
    "train model=efnn depth=1 epochs=2",
    "evaluate",
    "extrapolate --L 6,9 --samples 3",
)


@pytest.fixture(scope="module")
def efnn(tmp_path_factory):
    """The console script of the wheel, installed with its dependencies by pip."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # building leaves files beside the sources
    ignored = shutil.ignore_patterns(".venv", ".git", "build", "*.egg-info", "data", "outputs", ".*_cache")
    shutil.copytree(ROOT, source, ignore=ignored)
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", folder, source], check=True)
    (wheel,) = folder.glob("efnn-*.whl")
    venv.create(folder / "clean", with_pip=True)
    subprocess.run([folder / "clean/bin/python", "-m", "pip", "install", "--quiet", wheel], check=True)
    return folder / "clean/bin/efnn"


@pytest.mark.slow
def test_the_main_job_from_the_wheel(efnn, tmp_path):
    """No checkout on the path, no development packages: four commands, each with its result."""
    code = "import efnn_cli; print(efnn_cli.__file__)"
    where = subprocess.run(
        [efnn.with_name("python"), "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert str(ROOT) not in where.stdout
    code = "from pathlib import Path; from efnn_cli.report import render_page; print(render_page('# A', Path()))"
    page = subprocess.run(
        [efnn.with_name("python"), "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "color-scheme: light dark" in page.stdout, "the style of reports is in the wheel"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    results = {}
    for line in JOB:
        done = subprocess.run(
            [efnn, *line.split(), "--json"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        results[result["command"]] = result
    assert list(results) == ["generate", "train", "evaluate", "extrapolate"]
    assert [row["L"] for row in results["extrapolate"]["metrics"]["sizes"]] == [6, 9]
    stored = results["train"]["metrics"]["test"]["rmse"]
    assert results["evaluate"]["metrics"]["rmse"] == pytest.approx(stored, rel=1e-12)
    assert (tmp_path / results["extrapolate"]["outputs"]["figure"]).stat().st_size > 10_000
