"""Generated command lines: a documented exit code, one sentence, and no file left behind by what failed."""

from pathlib import Path

import pytest
from cli.conftest import Outcome, call, files_below
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from .conftest import Example

DOCUMENTED = {0, 2, 3, 4, 5, 6, 74}
KEYS = {
    "generate": ("system.L", "system.J", "system.T", "system.variant", "system.r", "samples", "seed", "sampling",
                 "spin_temperature", "reference", "tolerance", "fields", "device", "workers", "executor"),
    "train": ("model", "depth", "width", "model.kernel_size", "activation_scale", "lr", "epochs", "budget", "training",
              "training.batch_size", "training.optimizer", "training.schedule", "training.dtype", "training.augment",
              "training.ema", "training.patience", "seed", "device", "system.L"),
    "evaluate": ("split", "device"),
    "extrapolate": ("samples", "seed", "sampling", "reference", "tolerance", "device", "workers"),
    "predict": ("device",),
    "compare": ("epochs", "depth", "lr", "activation_scale", "training", "seed", "model", "system"),
    "merge": ("system.L", "system.J", "samples", "seed", "reference", "device"),
    "runs": ("model", "system", "seed", "parameters", "relative_error", "hash", "system.J1"),
    "plot": ("model", "system", "seed", "index", "depth", "L"),
    "reproduce": ("scale", "seeds", "workers", "device"),
    "inspect": ("L",),
}  # fmt: skip
OPTIONS = ("--L", "--samples", "--seed", "--spins", "--data", "--device", "--workers", "--out", "--resume", "--models",
           "--grid", "--sort", "--config-dir", "--shards", "--export")  # fmt: skip
SWITCHES = ("--overwrite", "-q", "-v", "--json", "--nonsense")
PLANNED = ("generate", "train", "extrapolate", "compare", "reproduce")  # these have a --dry-run

VALUES = st.one_of(
    st.integers(-(2**80), 2**80).map(str),
    st.floats().map(str),
    st.sampled_from(
        ["true", "null", "auto", "cpu", "cuda:0", "dense", "determinant", "published", "efnn", "effective", "10min",
         "lattice", "infinite_range", "soap", "test", "nan", "1e400", "0x10", "1_000", "9" * 5000]
    ),
    st.sampled_from(
        ["", " ", ".", "..", "/", "../../etc/passwd", "/proc/self/mem", "a\0b", "~root", "${oc.env:HOME}", "${seed}",
         "???", "[1,2]", "{a:1}", "[" * 3000, "'", '"', "\\", "a=b", "a\nb", "\u202e", "\ud800", "$(touch pwned)", "*",
         "choice(1,2)", "range(0,1000000000)", "glob(*)", "sort(1)", "@", "!!python/x", "x" * 5000, "-", "--", "-m"]
    ),
    st.text(max_size=8),
)  # fmt: skip


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """Words after `efnn`; a command that could work for long is only planned."""
    command = draw(st.sampled_from(sorted(KEYS)))
    key = st.one_of(st.sampled_from(KEYS[command]), st.sampled_from(sum(KEYS.values(), ())), st.text(max_size=6))
    setting = st.builds("{}{}={}".format, st.sampled_from(["", "", "", "+", "~"]), key, VALUES).map(lambda each: [each])
    option = st.builds(lambda name, value: [name, value], st.sampled_from(OPTIONS), VALUES)
    switch = st.sampled_from(SWITCHES).map(lambda each: [each])
    parts = draw(st.lists(st.one_of(setting, setting, option, switch), max_size=4))
    if command in ("generate", "merge"):
        parts.append([draw(st.sampled_from(["heisenberg", "three_spin", "double-exchange", "ising", "../x", ""]))])
    elif command == "plot":
        parts.append([draw(st.sampled_from(["curve", "parity", "width", "sizes", "times", "spins", "x"]))])
    elif command == "runs":
        parts += [[draw(st.builds("{}{}{}".format, key, st.sampled_from("<>=!"), VALUES))]]
    elif command in ("evaluate", "extrapolate", "predict", "inspect", "reproduce") and draw(st.booleans()):
        parts.append([draw(VALUES)])
    words = [word for part in draw(st.permutations(parts)) for word in part]
    if command in ("evaluate", "predict", "merge") and draw(st.booleans()):  # the composed configuration only
        return ["config", command, *(word for word in words if "=" in word)]
    return [command, *["--dry-run"] * (command in PLANNED), *words]


def check(line: list[str], outcome: Outcome, left: set[str]) -> None:
    assert outcome.code in DOCUMENTED, (line, outcome)
    assert "Traceback" not in outcome.err, (line, outcome)
    assert outcome.err.count("error: ") >= (outcome.code != 0), (line, outcome)
    assert not left or (outcome.code == 0 and "--dry-run" not in line), (line, left)


@pytest.mark.timeout(7200)
@pytest.mark.parametrize(
    ("number", "amount"),
    [
        (1, 10),
        *(pytest.param(number, 2000, marks=pytest.mark.soak) for number in range(10, 20)),
    ],
)
def test_generated_command_lines(example: Example, number: int, amount: int):
    before = files_below(example.root)

    @seed(number)
    @settings(max_examples=amount, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(command_lines())
    def run(line: list[str]) -> None:
        outcome = call(*line, cwd=example.root)
        left = files_below(example.root) - before
        check(line, outcome, left)
        for name in left:
            (example.root / name).unlink()

    run()
    assert files_below(example.root) == before


@pytest.mark.parametrize(
    "words",
    [
        ("train", "-m", "seed=range(0,1000000000)", "--count"),
        ("train", "depth=" + "[" * 3000),
        ("train", "model=../../etc/passwd"),
        ("generate", "heisenberg", "a\0b=1"),
    ],
    ids=lambda words: " ".join(words)[:40],
)
def test_lines_that_were_defects_once(here: Path, words: tuple[str, ...]):
    call(*words, cwd=here).failed(2)
    assert not files_below(here)
