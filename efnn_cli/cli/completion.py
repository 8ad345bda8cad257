"""Words offered by the shell after TAB: KEY=VALUE and names; commands and options come from Typer.

Every candidate is a whole word (`model=efnn`). zsh and fish replace the whole word. bash splits it at `=` and `:` into
COMP_WORDS and replaces only the last part, so only the rest of the candidate is returned. Nothing heavy is imported.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from efnn_cli.config.keys import Key


Candidate = tuple[str, str]
"""A whole word and its meaning (bash shows only the word)."""

SEPARATORS = re.compile("[=:]+")  # at which bash splits words
PLAIN = re.compile(r"^[\w.+-]+$")  # a default that no shell wants quoted
MEANING_WIDTH = 60
DEVICES = ("auto", "cpu", "cuda", "mps")
FIGURES = ("curve", "parity", "width", "parameters", "samples", "sizes", "times", "spins", "sample")


Source = Callable[[typer.Context, list[str], str], Iterable[Candidate]]
"""Candidates from the context, the words before the one to complete, and that word."""


def completer(candidates: Source) -> Callable[[typer.Context, str], list[Candidate]]:
    """Return the function that Typer calls, which gives those of the candidates that begin with the word."""

    def complete(ctx: typer.Context, incomplete: str) -> list[Candidate]:
        words, word = typed(incomplete)
        cut = len(word) - len(incomplete)
        return [(text[cut:], meaning) for text, meaning in candidates(ctx, words, word) if text.startswith(word)]

    return complete


@completer
def complete_settings(ctx: typer.Context, words: list[str], word: str) -> Iterator[Candidate]:
    """Return KEY=VALUE of the command."""
    return settings(_configuration(ctx), words, word)


@completer
def complete_conditions(ctx: typer.Context, words: list[str], word: str) -> Iterator[Candidate]:
    """Return conditions on runs, by the settings of `train`."""
    return settings("train", words, word)


@completer
def complete_system(ctx: typer.Context, words: list[str], word: str) -> Iterator[Candidate]:
    """Return SYSTEM, unless there is one, and KEY=VALUE."""
    from efnn_cli.config import keys

    if not set(words) & set(keys.options("system")):
        yield from _named(keys.options("system"))
    yield from settings(_configuration(ctx), words, word)


@completer
def complete_runs(ctx: typer.Context, words: list[str], word: str) -> Iterator[Candidate]:
    """Return RUN folders and KEY=VALUE."""
    yield from _named(each for each in finished_runs() if each not in words)
    yield from settings(_configuration(ctx), words, word)


@completer
def complete_experiment(ctx: typer.Context, words: list[str], word: str) -> Iterator[Candidate]:
    """Return experiments that are not yet named, and KEY=VALUE."""
    from efnn_cli.config import keys

    every = [*keys.options("experiment"), *keys.options("scan")]
    yield from _named(each for each in every if each not in words)
    yield from settings("reproduce", words, word)


@completer
def complete_figure(ctx: typer.Context, words: list[str], word: str) -> Iterator[Candidate]:
    """Return KINDs of figures, or RUN folders and conditions where there is a KIND."""
    if not set(words) & set(FIGURES):
        yield from _named(FIGURES)
    else:
        yield from _named(each for each in finished_runs() if each not in words)
        yield from settings("train", words, word)


@completer
def complete_configured(ctx: typer.Context, words: list[str], word: str) -> Iterator[Candidate]:
    """Return commands that have a configuration, and KEY=VALUE of `train`."""
    from efnn_cli.config import keys

    yield from _named(sorted([*keys.configured(), *keys.SAME_KEYS]))
    yield from settings("train", words, word)


@completer
def complete_models(ctx: typer.Context, words: list[str], word: str) -> Iterator[Candidate]:
    """Return comma lists of networks."""
    from efnn_cli.config import keys

    return _named(_listed(keys.options("model"), word))


complete_device = completer(lambda ctx, words, word: _named(DEVICES))
complete_dataset = completer(lambda ctx, words, word: _named(datasets()))
complete_run_folder = completer(lambda ctx, words, word: _named(begun_runs()))
complete_file_or_run = completer(lambda ctx, words, word: _named([*datasets(), *begun_runs()]))


def settings(command: str, words: Iterable[str], word: str) -> Iterator[Candidate]:
    """Return KEY=VALUE candidates for `word`; `words` are those before it.

    Keys of a group follow its name and a dot (`model.`). Values follow `=`, or a key that is the only candidate:
    two candidates then keep the shell from setting a space behind `depth=`.
    """
    from efnn_cli.config import keys

    offered = keys.settable(command, _chosen(words))
    groups = {each.name.partition(".")[0] for each in offered if "." in each.name}
    prefixes = []
    if word.partition("=")[0].partition(".")[0] not in groups or "." not in word.partition("=")[0]:
        offered = [each for each in offered if "." not in each.name]
        prefixes = sorted(f"{each}." for each in groups if f"{each}.".startswith(word))
        yield from ((each, f"keys of {each[:-1]}") for each in prefixes)
    name, given, _ = word.partition("=")
    if given:
        for key in (each for each in offered if each.name == name):
            yield from _named(f"{name}={value}" for value in _listed(key.choices, word.partition("=")[2]))
        return
    matching = [each for each in offered if each.name.startswith(word)]
    yield from ((f"{each.name}=", _meaning(each)) for each in matching)
    for key in matching if len(matching) + len(prefixes) == 1 else ():
        yield from _named(f"{key.name}={value}" for value in key.choices or PLAIN.findall(key.text))


def _meaning(key: Key) -> str:
    """Return the first statement of the meaning, short: Typer wraps long ones, and shells take each line for a word."""
    return shorten(key.meaning.partition(";")[0].rstrip("."), MEANING_WIDTH, placeholder=" ...")


def datasets() -> list[str]:
    """Return datasets in data/, references too."""
    return _below("data", "*.h5") + _below("data", "references/*.h5")


def finished_runs() -> list[str]:
    """Return run folders in outputs/ that have a summary."""
    return _beside("outputs", "*/summary.json")


def begun_runs() -> list[str]:
    """Return run folders in outputs/ that were begun, finished or not."""
    return _beside("outputs", "*/config.yaml")


def _below(folder: str, pattern: str) -> list[str]:
    return sorted(map(str, Path(folder).glob(pattern)))


def _beside(folder: str, pattern: str) -> list[str]:
    return [str(Path(each).parent) for each in _below(folder, pattern)]


def _configuration(ctx: typer.Context) -> str:
    """Return the command whose configuration the words set."""
    from efnn_cli.config import keys

    name = str(ctx.info_name)
    if name == "config":
        name = str(ctx.params.get("command"))
    name = keys.SAME_KEYS.get(name, name)
    return name if name in keys.configured() else "train"


def _chosen(words: Iterable[str]) -> dict[str, str]:
    """Return the options of groups that `words` choose; a bare word can only be the system."""
    chosen = {}
    for word in words:
        key, given, value = word.partition("=")
        chosen[key if given else "system"] = value if given else key
    return chosen


def _listed(names: Iterable[str], value: str) -> list[str]:
    """Return the comma list `value` with each of `names` as its last item, without those that are already in it."""
    *before, _ = value.split(",")
    head = "".join(f"{each}," for each in before)
    return [f"{head}{name}" for name in names if name not in before]


def _named(names: Iterable[str]) -> Iterator[Candidate]:
    return ((each, "") for each in names)


def typed(incomplete: str) -> tuple[list[str], str]:
    """Return the whole words before the one to complete, and that word, for any shell."""
    if "COMP_WORDS" in os.environ:
        text, position = os.environ["COMP_WORDS"], int(os.environ.get("COMP_CWORD", "0"))
        parts = text.split("\n") if "\n" in text else text.split()  # Typer's script joins them by line ends
        *words, word = _glued(parts[1 : position + 1]) or [""]
        return words, word if word.endswith(incomplete) else incomplete
    text = os.environ.get("_TYPER_COMPLETE_ARGS", "")
    try:
        words = shlex.split(text)
    except ValueError:  # an open quotation mark
        words = text.split()
    return words[1:] if text.endswith(" ") else words[1:-1], incomplete


def _glued(parts: Iterable[str]) -> list[str]:
    """Return words from the parts that bash splits them into; spaces around `=` are lost."""
    words: list[str] = []
    open_end = False
    for part in parts:
        separator = bool(part) and SEPARATORS.fullmatch(part) is not None
        if words and (separator or open_end):
            words[-1] += part
        else:
            words.append(part)
        open_end = separator
    return words
