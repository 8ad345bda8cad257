"""Numbers with their uncertainty, and tables that fit a line of 80 characters or of a terminal."""

import re

import pytest
from terminal import on_terminal

from efnn_cli.core.numbers import number, with_error
from efnn_cli.core.table import Table, facts

WIDE = Table(["L", "relative_error", *(f"column_{i}" for i in range(8))], [[L, 8.6e-4, *"12345678"] for L in (10, 20)])


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.1344, 0.003, "0.134(3)"),
        (0.134, 0.0149, "0.134(15)"),  # two digits where the first is 1
        (8.6e-4, 4e-5, "8.6(4)e-4"),
        (1.0312e-3, 9.7e-5, "1.0(1)e-3"),  # 0.97 is rounded up
        (51.32, 1.4, "51.3(1.4)"),  # the decimal point stands between the digits of the uncertainty
        (5134.0, 24.0, "5130(20)"),
        (9.996, 0.02, "10.00(2)"),
        (-3.2e-4, 1e-4, "-3.2(1.0)e-4"),
        (0.0, 2e-5, "0(2)e-5"),
        (0.01234, None, "0.0123"),
        (2.0, 0.0, "2"),
    ],
)
def test_an_uncertainty_stands_in_brackets(value, error, text):
    assert with_error(value, error) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (3, "3"), (0.0, "0"), (8.0, "8"), (12345.67, "12346"), (0.99996, "1"), (3.2104e-5, "3.21e-5"),
     (2.5e7, "2.5e7"), (-51.1234, "-51.12"), (True, "yes"), ("x", "x"), (float("inf"), "inf")],
)  # fmt: skip
def test_plain_numbers_have_four_digits(value, text):
    assert number(value) == text


def test_numbers_stand_on_the_right_and_words_on_the_left():
    text = Table(["case", "n", "error"], [["a", 10, None], ["bcdef", 2000, "8.6(4)e-4"]]).text()
    assert text == "case      n      error\na        10          -\nbcdef  2000  8.6(4)e-4"
    assert facts({"mean": -51.1234, "reference": "dense"}).text() == "mean       -51.12\nreference  dense"


def test_a_table_without_room_is_turned_on_its_side(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = WIDE.text().splitlines()
    assert lines[0].split() == ["L", "10", "20"]
    assert lines[1].split() == ["relative_error", "8.6e-4", "8.6e-4"]
    monkeypatch.setenv("COLUMNS", "25")  # room for one column beside the names
    assert [line.split() for line in WIDE.text().splitlines() if line.startswith("L ")] == [["L", "10"], ["L", "20"]]
    monkeypatch.setenv("COLUMNS", "200")
    assert len(WIDE.text().splitlines()) == 3


def test_on_a_terminal_chosen_cells_are_bold_and_text_steers_nothing():
    code = (
        "from efnn_cli.core.table import Table;"
        "print(Table(['case', 'error'], [['[red]a\\x1b[2J', '1e-3'], ['b', '2e-3']], bold={(0, 1)}).text())"
    )
    shown = on_terminal(code, 80)
    assert re.search(r"\x1b\[1m *1e-3\x1b", shown)
    assert not re.search(r"\x1b\[1m *2e-3", shown)
    assert r"[red]a\x1b[2J" in shown
