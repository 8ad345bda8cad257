"""Progress: named times, a rate with its unit, and nothing that drifts while nothing is done."""

import time

from terminal import on_terminal

from efnn_cli.core import progress
from efnn_cli.core.progress import Pace


def test_the_pace_names_its_times(monkeypatch):
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    pace = Pace(10, "epochs", done=2)
    assert pace.text == "elapsed 0 s"
    now = 8.0
    pace.add(2, earlier=False)
    assert pace.text == "4 s per epoch, elapsed 8 s, remaining 24 s"
    now = 18.0  # the rate is that of finished epochs
    assert pace.text == "4 s per epoch, elapsed 18 s, remaining 14 s"
    pace.add(6, earlier=True)
    assert pace.text.endswith("elapsed 18 s")


def test_lines_are_few(capsys, monkeypatch):
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    advance = progress.lines("labelling", Pace(100, "configurations", done=0))
    for _ in range(100):
        now += 0.5
        advance(1, "note")
    assert capsys.readouterr().err.splitlines() == [
        "labelling: 1/100 configurations, 2 configurations/s, elapsed 0 s, remaining 50 s, note",
        "labelling: 61/100 configurations, 2 configurations/s, elapsed 30 s, remaining 20 s, note",
        "labelling: 100/100 configurations, 2 configurations/s, elapsed 50 s, note",
    ]


def test_a_bar_fits_80_columns_and_a_command_says_at_once_that_it_loads():
    code = (
        "import sys; sys.stderr = sys.stdout; import time; from efnn_cli.core.console import Console, LOGGER\n"
        "console = Console(); console.show_loading(); LOGGER.info('begun')\n"
        "with console.meter('references at L = 100', 64, 'configurations') as advance:\n"
        "    advance(32, 'RMSE train 0.120, val 0.102, best val 0.0981 at epoch 11 (hopping t)'); time.sleep(0.2)\n"
    )
    shown = on_terminal(code, 80)
    assert shown.startswith("loading ...\r\x1b[Kbegun\r\n")
    assert "32/64" in shown
    assert "elapsed 0 s, remaining 0 s" in shown
    assert "best val 0.0981 at epoch 11 (hopping t)" in shown
