"""The experiments of the paper at scale=smoke: run, killed midway and resumed, and the page in a browser."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.browser import browser

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "efnn_cli", "reproduce", "scale=smoke", "--device", "cpu", "--json"]
OUT = Path("outputs/reproduce-smoke")
TIMED = {"seconds", "epochs"}


def environment() -> dict[str, str]:
    return {**os.environ, "CUDA_VISIBLE_DEVICES": ""}


def reproduce(folder: Path) -> None:
    done = subprocess.run(COMMAND, cwd=folder, capture_output=True, text=True, check=False, env=environment())
    assert done.returncode == 0, done.stderr[-4000:]


def table(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return [{key: value for key, value in row.items() if key not in TIMED} for row in csv.DictReader(file)]


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    reproduce(folder)
    return folder


@pytest.mark.timeout(1800)
def test_killed_midway_it_goes_on_to_the_same_result(undisturbed: Path, tmp_path: Path):
    """SIGKILL after a third of the runs, SIGTERM after two thirds; no worker survives its parent."""
    quiet = subprocess.DEVNULL
    for count, signum in ((40, signal.SIGKILL), (80, signal.SIGTERM)):
        process = subprocess.Popen(COMMAND, cwd=tmp_path, stderr=quiet, stdout=quiet, env=environment())
        while len(list(tmp_path.glob("outputs/*/summary.json"))) < count:
            assert process.poll() is None
            time.sleep(0.05)
        workers = children(process.pid)
        process.send_signal(signum)
        assert process.wait(120) == (-9 if signum == signal.SIGKILL else 143)
        end = time.monotonic() + 30
        while any(Path(f"/proc/{pid}").exists() for pid in workers):
            assert time.monotonic() < end, "a worker is still there"
            time.sleep(0.05)
    reproduce(tmp_path)
    for name in ("runs.csv", "sizes.csv"):
        assert table(tmp_path / OUT / name) == table(undisturbed / OUT / name)


def test_every_published_figure_stands_in_the_report(undisturbed: Path):
    text = (undisturbed / OUT / "report.md").read_text()
    speed = "7.6 ms / 7.76 s: a factor 1021"
    for said in ("5e-03", "4e-02", "order 1e-03", "about 6", speed, "decreases with L", "0.482 s"):
        assert said in text, said


def test_the_page_opens_in_a_browser(undisturbed: Path):
    """On a desk, in the dark and on a phone: nothing is fetched, nothing complains, nothing sticks out sideways."""
    with browser() as page:
        for width, dark in ((1280, False), (1280, True), (360, False)):
            page.open(undisturbed / OUT / "report.html", width, dark=dark)
            assert page.complaints() == []
            assert all(each.startswith(("file:", "data:")) for each in page.requests())
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate("document.querySelectorAll('main img').length") >= 8
            assert page.evaluate("[...document.querySelectorAll('main img')].every(image => image.clientHeight > 50)")
