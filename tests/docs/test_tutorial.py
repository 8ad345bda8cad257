"""Every command of the tutorial runs, in order, and prints the words of the page, with other numbers."""

import contextlib
import io
import re

import pytest
from fences import blocks, command_lines

from efnn_cli.cli.app import app, main

PAGE = "docs/tutorial.md"
PATH = r"\S+-[0-9a-f]{8}\b"
NUMBER = r"-?\d+(?:\.\d+)?(?:\([\d.]+\))?(?:e[+-]?\d+)?"  # with its uncertainty


def words(text):
    """The words of an output, with numbers and hashes made alike."""
    text = re.sub(r"\b[0-9a-f]{8}\b", "HASH", text)
    return [re.sub(rf"(?<![\w.-]){NUMBER}", "N", line).split() for line in text.splitlines()]


def errors(text):
    """Errors by their labels: the first number of every line of errors."""
    rows = re.findall(rf"^(RMSE\S*|train|val|test) +({NUMBER})", text, re.MULTILINE)
    return {label: float(re.sub(r"\(.*\)", "", value)) for label, value in rows}


def run(language, text):
    """Output of the commands, or of the Python code, of one block."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        if language == "python":
            exec(compile(text, PAGE, "exec"), {})
        for _, *arguments in command_lines(text) if language == "sh" else ():
            try:
                code = main(arguments)
            except SystemExit as end:  # of --version
                code = end.code
            assert not code, arguments
    return out.getvalue()


def test_every_command_is_one():
    known = {each.name or each.callback.__name__ for each in app.registered_commands} | {"--version"}
    lines = [line for block in blocks(PAGE) if block.language == "sh" for line in command_lines(block.text)]
    assert len(lines) >= 12
    assert {(program, command in known) for program, command, *_ in lines} == {("efnn", True)}


@pytest.mark.slow
def test_the_tutorial_runs_and_prints_what_it_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names, printed, compared = {}, "", 0
    for block in blocks(PAGE):
        text = block.text
        if block.language in ("sh", "python"):
            for shown, real in names.items():
                text = text.replace(shown, real)
            printed = run(block.language, text)
        elif block.language == "text":
            shown, rest, _ = text.partition("...\n")
            if rest:
                assert words(shown) == words(printed)[: len(words(shown))]
            else:  # rows sorted by an error may stand in another order
                assert sorted(words(shown)) == sorted(words(printed))
            names = dict(zip(re.findall(PATH, text), re.findall(PATH, printed), strict=False)) | names
            for label, value in errors(text).items():
                assert 0.1 < errors(printed)[label] / value < 10, label
            compared += 1
    assert compared >= 10
    assert len(names) >= 4
