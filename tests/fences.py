"""Code blocks of Markdown files, and what can be done with them: run the commands, write the files, apply the edits."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
FENCE = re.compile(r"^```(\w*)[ ]?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, the words behind it (`file=...` by name), its text."""

    language: str
    words: dict[str, str]
    text: str


def blocks(name: str) -> list[Block]:
    """The blocks of the file `name` of the project, in order."""
    found = FENCE.findall((ROOT / name).read_text(encoding="utf-8"))
    return [
        Block(language, dict(word.partition("=")[::2] for word in shlex.split(words)), text)
        for language, words, text in found
    ]


def command_lines(text: str) -> list[list[str]]:
    """The words of the commands in a shell block, comments and empty lines removed, continued lines joined."""
    lines = text.replace("\\\n", " ").splitlines()
    return [words for words in (shlex.split(line, comments=True) for line in lines) if words]


def demo_commands() -> list[str]:
    """The arguments of `efnn` in the recipe of `make demo`."""
    recipe = re.search(r"^demo: install.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe
    return re.findall(r"^\t\$\(BIN\)/efnn (.*)$", recipe.group(1), re.MULTILINE)


def write_file(block: Block, root: Path) -> None:
    """Create the file that the block is; it must not exist."""
    path = root / block.words["file"]
    assert not path.exists(), path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.text, encoding="utf-8")
