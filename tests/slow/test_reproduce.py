"""The experiments of the paper at scale=smoke: every published figure."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "efnn_cli", "reproduce", "scale=smoke", "--device", "cpu", "--json"]
OUT = Path("outputs/reproduce-smoke")


def environment() -> dict[str, str]:
    return {**os.environ, "CUDA_VISIBLE_DEVICES": ""}


def reproduce(folder: Path) -> None:
    done = subprocess.run(COMMAND, cwd=folder, capture_output=True, text=True, check=False, env=environment())
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    reproduce(folder)
    return folder


def test_every_published_figure_stands_in_the_report(undisturbed: Path):
    text = (undisturbed / OUT / "report.md").read_text()
    for figure in ("5e-3", "0.04", "order 1e-3", "about 6", "1021", "it falls", "0.482 s", "far above"):
        assert figure in text, figure
