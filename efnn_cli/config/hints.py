"""Hints: words to type instead of wrong ones."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from difflib import get_close_matches

from efnn_cli.config import keys

GROUP_NAMES = ("system", "model", "training", "executor", "experiment")
SIZE_HINTS = {  # for L=10 where it is not a key, and for system.L=10 where there is no system to choose
    "generate": "--L {0} or system.L={0}",
    "train": "the dataset decides the size; system=NAME system.L={0} picks one of that size",
    "extrapolate": "--L {0}",
    "evaluate": "the dataset decides the size: --data FILE; for other sizes efnn extrapolate --L {0}",
    "predict": "the configurations decide the size: --spins FILE",
}
AMONG = {"train": "for several runs: efnn train -m {0}", "compare": "to choose among them by validation: --grid {0}"}
NEAR = 0.6


def bare_word_hint(word: str, command: str) -> str:
    """Return a hint for a word without `=`: the name of a system, network or recipe, or a file."""
    if word.endswith((".yaml", ".yml")):
        return "to use your own YAML files: --config-dir DIR"
    if word.endswith((".h5", ".hdf5")):
        return f"--data {word}"
    name = word.replace("-", "_")
    named = {each: f"{group}={each}" for group in keys.groups(command) for each in keys.options(group)}
    near = get_close_matches(name, named, n=1, cutoff=NEAR)
    return f"did you mean {named[near[0]]}?" if near else "for example depth=3"


def several_hint(text: str, key: str, command: str) -> str:
    """Return a hint for `KEY=V1,V2`."""
    if key == "L":
        return f"--L {text.partition('=')[2]}"
    return AMONG.get(command, "one command for each value").format(shlex.quote(text))


def key_hint(key: str, known: Iterable[str]) -> str:
    """Return the `known` keys whose last parts are near that of `key`, as a question; empty where none is near."""
    lasts: dict[str, list[str]] = {}
    for each in known:
        lasts.setdefault(each.rpartition(".")[2], []).append(each)
    near = get_close_matches(key.rpartition(".")[2], lasts, n=3, cutoff=NEAR)
    return f"did you mean {' or '.join(each for last in near for each in lasts[last])}?" if near else ""
