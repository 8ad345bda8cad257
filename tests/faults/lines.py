"""Command lines as nobody should type them: a Hypothesis strategy. Most of them may write
no file; those that are not planned only are as small as can be.
"""

from __future__ import annotations

from hypothesis import strategies as st

KEYS = {
    "generate": (
        "system.L", "system.J", "system.T", "system.mu", "system.t", "system.J1", "system.variant", "system.r",
        "system.spin_values", "system.coupling_seed", "samples", "seed", "sampling", "spin_temperature",
        "spin_coupling", "spin_sweeps", "reference", "tolerance", "fields", "device", "workers", "executor",
        "executor.address",
    ),
    "train": (
        "model", "model.depth", "depth", "width", "model.kernel_size", "model.block_kernel_size",
        "model.invariant_channels", "model.learn_activation_scale", "activation_scale", "lr", "epochs", "budget",
        "training", "training.batch_size", "training.batch_doublings", "training.optimizer", "training.weight_decay",
        "training.schedule", "training.warmup", "training.step_epochs", "training.step_factor", "training.dtype",
        "training.initial_spread", "training.augment", "training.ema", "training.patience", "seed", "device", "system",
        "system.L",
    ),
    "evaluate": ("split", "seen", "device"),
    "extrapolate": ("L", "samples", "seed", "sampling", "reference", "tolerance", "executor", "device", "workers"),
    "predict": ("device",),
    "compare": ("epochs", "depth", "lr", "activation_scale", "training", "seed", "model", "width", "system"),
    "merge": ("system.L", "system.J", "samples", "seed", "sampling", "reference", "fields", "device"),
    "runs": ("model", "system", "seed", "parameters", "relative_error", "hash", "run", "lr", "system.J1"),
    "plot": ("model", "system", "seed", "index", "depth", "L"),
    "reproduce": ("scale", "seeds", "workers", "device"),
    "inspect": (),
}  # fmt: skip
OPTIONS = {
    "generate": ("--L", "--samples", "--seed", "--spins", "--device", "--workers", "--out", "--config-dir",
                 "--shards", "--shard-index"),
    "train": ("--data", "--device", "--out", "--resume", "--config-dir", "--array-index"),
    "evaluate": ("--data", "--device", "--out"),
    "extrapolate": ("--L", "--samples", "--seed", "--device", "--workers", "--out"),
    "predict": ("--spins", "--device", "--out"),
    "compare": ("--models", "--seeds", "--grid", "--parameters", "--data", "--L", "--samples", "--device", "--out"),
    "merge": ("--L", "--samples", "--seed", "--spins", "--device", "--out"),
    "runs": ("--sort",),
    "plot": ("--data", "--out"),
    "reproduce": ("--workers", "--device", "--out", "--export", "--config-dir"),
    "inspect": ("--data",),
}  # fmt: skip
SYSTEMS = ("heisenberg", "three_spin", "double_exchange", "double-exchange", "ising", "../../etc/passwd", "")
PLANNED = ("generate", "train", "extrapolate", "compare", "reproduce")  # these have a --dry-run
SMALL = {
    "generate": ["--L", "4", "--samples", "6"],
    "train": ["epochs=1"],
    "extrapolate": ["--L", "4", "--samples", "2"],
}
# What may make a small command long, or has a meaning of its own.
LONG = ("L", "samples", "epochs", "budget", "width", "depth", "sweeps", "kernel", "channels", "tolerance", "executor",
        "array-index", "-m", "--multirun", "resume", "doublings", "shards", "system.r", "spin_temperature")  # fmt: skip
KINDS = ("curve", "parity", "width", "parameters", "samples", "sizes", "times", "spins")

numbers = st.one_of(
    st.integers(-3, 64).map(str),
    st.integers(-(2**80), 2**80).map(str),
    st.floats().map(str),
    st.sampled_from(["nan", "-nan", "inf", "-inf", "1e400", "-0", "1e-320", "0x10", "1_000", "9" * 5000, "1e", "--1"]),
)
words = st.sampled_from(
    [
        "true", "null", "none", "auto", "cpu", "cuda:0", "dense", "determinant", "published", "thermal", "efnn", "dnn",
        "effective", "paper", "default", "10min", "1e99h", "lattice", "infinite_range", "float64", "soap", "test",
    ]
)  # fmt: skip
hostile = st.sampled_from(
    [
        "", " ", ".", "..", "/",
        "../../etc/passwd", "/etc/passwd", "/proc/self/mem", "/dev/null/x", "a\0b", "~root", "${oc.env:HOME}",
        "${seed}", "${oc.decode:x}", "${hydra:runtime.cwd}", "???", "[1,2]", "[]", "{a:1}", "{}", "[[[[", "[" * 3000,
        "'", '"', "\\", "a=b", "a\nb", "\u202e", "ä", "𝒥", "\ud800", "%s%n", "$(touch pwned)", "`touch pwned`",
        ";touch pwned", "*", "?", "choice(1,2)", "range(0,1000000000)", "shuffle(range(9))", "interval(0,1)", "glob(*)",
        "sort(1)", "int(1.5)", "@", "a@b", "!!python/x", "x" * 5000, "-", "--", "-m", "🙂",
    ]
)  # fmt: skip
anything = st.one_of(numbers, words, hostile, st.text(max_size=8))


def settings_of(command: str) -> st.SearchStrategy[str]:
    """KEY=VALUE, most often with a key that there is."""
    known = st.sampled_from(KEYS[command] or ("L",))
    key = st.one_of(
        *[known] * 3 * bool(KEYS[command]), st.sampled_from(sum(KEYS.values(), ())), hostile, st.text(max_size=6)
    )
    sign = st.sampled_from(["", "", "", "", "+", "++", "~"])
    return st.builds(lambda sign, key, value: f"{sign}{key}={value}", sign, key, anything)


def options_of(command: str) -> st.SearchStrategy[list[str]]:
    """An option with a value, or one that is a switch."""
    name = st.sampled_from(OPTIONS[command])
    pair = st.builds(lambda name, value: [name, value], name, anything)
    switches = ["--overwrite", "-q", "-v", "--json", "--nonsense", *(["--count", "-m"] if command == "train" else [])]
    return st.one_of(pair, pair, st.sampled_from(switches).map(lambda each: [each]))


def words_between(draw: st.DrawFn, command: str) -> list[list[str]]:
    """What is neither an option nor a setting: a system, a run, the kind of a figure, a condition."""
    if command in ("generate", "merge"):
        return [[draw(st.sampled_from(SYSTEMS))]]
    if command == "plot":
        return [[draw(st.one_of(st.sampled_from(KINDS), hostile))]]
    if command == "runs":
        compare = st.builds("{}{}{}".format, st.sampled_from(KEYS["runs"]), st.sampled_from("<>=!"), anything)
        return [[each] for each in draw(st.lists(compare, max_size=2))]
    if command in ("evaluate", "extrapolate", "predict", "inspect", "reproduce") and draw(st.booleans()):
        return [[draw(hostile)]]
    return []


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """The words after `efnn`."""
    command = draw(st.sampled_from(sorted(KEYS)))
    setting = settings_of(command).map(lambda each: [each])
    parts = draw(st.lists(st.one_of(setting, options_of(command)), max_size=4)) + words_between(draw, command)
    parts = draw(st.permutations(parts))
    line = [command, *(word for part in parts for word in part)]
    if command in PLANNED:
        heavy = any(long in word for word in line[1:] for long in LONG)
        line[1:1] = ["--dry-run"] if command not in SMALL or heavy or draw(st.booleans()) else SMALL[command]
    elif command in ("evaluate", "predict", "merge") and draw(st.booleans()):  # shown, not carried out
        line = ["config", *(word for word in line if "=" in word or word == command)]
    return line
