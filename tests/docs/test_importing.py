"""The page on files of one's own: its Python writes what its commands take."""

import pytest
from fences import blocks, command_lines

from efnn_cli.cli import main

PAGE = "docs/files.md"


def test_a_file_written_by_h5py_is_imported_and_trained_on(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for block in blocks(PAGE):
        if block.language == "python":
            exec(compile(block.text, PAGE, "exec"), {})
        for _, *words in command_lines(block.text) if block.language == "sh" else ():
            assert main(words) == 0, words
    shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if "  " in line)
    assert shown["samples"] == "80"  # a fifth of the configurations are the test split


@pytest.mark.parametrize("language", ["python", "julia"])
def test_ten_lines_are_enough(language):
    (text,) = (block.text for block in blocks(PAGE) if block.language == language)
    assert len(text.splitlines()) <= 10
