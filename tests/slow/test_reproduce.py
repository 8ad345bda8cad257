"""The experiments of the paper at scale=smoke: every published figure, and the page in a browser."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser import browser

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
    speed = "7.6 ms / 7.76 s: a factor 1021"
    for figure in ("5e-03", "4e-02", "order 1e-03", "about 6", speed, "decreases with L", "0.482 s"):
        assert figure in text, figure


def test_the_page_opens_in_a_browser(undisturbed: Path):
    """Wide, dark and narrow: nothing is fetched, no error is logged, nothing is wider than the page."""
    with browser() as page:
        for width, dark in ((1280, False), (1280, True), (360, False)):
            page.open(undisturbed / OUT / "report.html", width, dark=dark)
            assert page.complaints() == []
            assert all(each.startswith(("file:", "data:")) for each in page.requests())
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate("document.querySelectorAll('main img').length") >= 8
            assert page.evaluate("[...document.querySelectorAll('main img')].every(image => image.clientHeight > 50)")
