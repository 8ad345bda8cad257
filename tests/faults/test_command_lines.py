"""Command lines that nobody should type: a documented exit code, one sentence, and no file left behind."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from cli.conftest import Outcome, call, files_below, run_efnn
from hypothesis import HealthCheck, given, seed, settings

from .conftest import Example
from .lines import command_lines

DOCUMENTED = {0, 2, 3, 4, 5, 6, 74}


def survived(outcome: Outcome) -> bool:
    """Whether it ended as documented: its own `--json` object or sentence, no traceback, no defect."""
    return (
        outcome.code in DOCUMENTED
        and "Traceback" not in outcome.err
        and "a defect of efnn" not in outcome.err
        and outcome.err.count("error: ") >= (outcome.code != 0)
    )


def may_leave(line: list[str], outcome: Outcome, left: set[str]) -> bool:
    """Whether these new files are right: none of a plan or a failure, but the log of a training that failed."""
    if outcome.code == 0:
        return not left or "--dry-run" not in line
    begun = {"config.yaml", "run.log", "metrics.csv", "lock", "last.h5", "best.h5"}
    return all(line[0] == "train" and outcome.code == 4 and Path(name).name in begun for name in left)


@pytest.mark.timeout(7200)
@pytest.mark.parametrize(
    ("number", "amount"),
    [
        (1, 60),
        pytest.param(1, 400, marks=pytest.mark.slow),
        *(pytest.param(number, 2000, marks=pytest.mark.soak) for number in range(10, 20)),
    ],
)
def test_generated_command_lines(example: Example, number: int, amount: int):
    """In this process. What is not a dry run may write where it ends well (`evaluate --out`), and only there."""
    before = files_below(example.root)

    @seed(number)
    @settings(max_examples=amount, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(command_lines())
    def run(line: list[str]) -> None:
        outcome = call(*line, cwd=example.root)
        left = files_below(example.root) - before
        good = survived(outcome) and may_leave(line, outcome, left)
        for name in left:
            (example.root / name).unlink()
        assert good, (line, outcome, left)

    run()
    assert files_below(example.root) == before


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "amount", [pytest.param(10, marks=pytest.mark.slow), pytest.param(200, marks=pytest.mark.soak)]
)
def test_generated_command_lines_as_processes(example: Example, amount: int):
    """The same words, as the operating system hands them over: without NUL and halves of characters."""
    before = files_below(example.root)
    for line in sample(amount):
        outcome = run_efnn(*line, cwd=example.root)
        left = files_below(example.root) - before
        assert survived(outcome), (line, outcome)
        assert may_leave(line, outcome, left), (line, outcome, left)
        for name in left:
            (example.root / name).unlink()


def speakable(word: str) -> bool:
    """Whether a process can be given it: no half of a character."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def sample(amount: int) -> list[list[str]]:
    """Some of the generated lines, the same ones every time."""
    found: list[list[str]] = []

    @seed(2)
    @settings(max_examples=10 * amount, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(command_lines())
    def collect(line: list[str]) -> None:
        if not any("\0" in word or not speakable(word) for word in line) and sum(map(len, line)) < 20_000:
            found.append(line)

    collect()
    return random.Random(2).sample(found, amount)


@pytest.mark.parametrize(
    "words",
    [
        ("train", "-m", "seed=range(0,1000000000)", "--count"),
        ("train", "-m", "seed=range(0,1000)", "depth=range(1,60)", "width=range(1,60)", "--count"),
        ("train", "-m", "seed=shuffle(range(0,1000000000))", "--count"),
        ("train", "depth=" + "9" * 5000),
        ("train", "depth=" + "[" * 3000),
        ("train", "-m", "depth=" + "[" * 3000),
        ("train", "x" * 5000 + "=1"),
        ("train", "model=" + "x" * 5000),
        ("train", "model=../../etc/passwd"),
        ("train", "--config-dir", "x" * 5000),
        ("generate", "a\0b"),
        ("generate", "heisenberg", "a\0b=1"),
    ],
    ids=lambda words: " ".join(words)[:40],
)
@pytest.mark.timeout(300)
def test_what_was_a_defect(here, words: tuple[str, ...]):
    call(*words, cwd=here).failed(2)
    assert not files_below(here)
