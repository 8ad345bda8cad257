"""Every command of the tutorial runs, in order, and prints what the page shows: the same words, other numbers."""

import contextlib
import io
import re
import shlex

import pytest
from fences import blocks, command_lines

from efnn_cli.cli.app import app, main

PAGE = "docs/tutorial.md"
HASH = r"\b[0-9a-f]{8}\b"
NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"


def commands_of(application):
    return {each.name or each.callback.__name__ for each in application.registered_commands}


def words(text):
    """The words of an output, with numbers and hashes made alike."""
    text = re.sub(HASH, "HASH", text)
    return [re.sub(rf"(?<![\w.-]){NUMBER}", "N", line).split() for line in text.splitlines()]


def renamed(shown, printed):
    """Names with hashes as the page has them, by what they really are."""
    path = rf"\S+-{HASH}"
    return dict(zip(re.findall(path, shown), re.findall(path, printed), strict=False))


def errors(text):
    """Figures of merit by their labels, for outputs of two columns."""
    rows = [line.rsplit(maxsplit=1) for line in text.splitlines() if "rmse" in line]
    return {row[0]: float(row[1]) for row in rows if len(row) == 2 and re.fullmatch(NUMBER, row[1])}


def run(block, names):
    """What the commands, or the Python code, of one block print."""
    text, out = block.text, io.StringIO()
    for shown, real in names.items():
        text = text.replace(shown, real)
    with contextlib.redirect_stdout(out):
        if block.language == "python":
            exec(compile(text, PAGE, "exec"), {})
        for program, *arguments in command_lines(text) if block.language == "sh" else ():
            assert program == "efnn"
            assert_done(arguments)
    return out.getvalue()


def assert_done(arguments):
    try:
        code = main(arguments)
    except SystemExit as end:
        code = end.code
    assert not code, shlex.join(arguments)


def test_every_command_is_one():
    known = commands_of(app) | {"--version"}
    lines = [line for block in blocks(PAGE) if block.language == "sh" for line in command_lines(block.text)]
    assert len(lines) >= 12
    for program, command, *_ in lines:
        assert (program, command in known) == ("efnn", True), command


@pytest.mark.slow
def test_the_tutorial_runs_and_prints_what_it_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names, printed, compared = {}, "", 0
    for block in blocks(PAGE):
        if block.language in ("sh", "python"):
            printed = run(block, names)
        elif block.language == "text":
            shown, rest, _ = block.text.partition("...\n")
            lines = words(printed)
            if rest:
                assert words(shown) == lines[: len(words(shown))]
            else:  # rows sorted by an error may stand in another order
                assert sorted(words(shown)) == sorted(lines)
            names = renamed(block.text, printed) | names
            for label, value in errors(block.text).items():
                assert 0.1 < errors(printed)[label] / value < 10, label
            compared += 1
    assert compared >= 10
    assert len(names) >= 4
