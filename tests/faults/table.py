"""The table in docs/reliability.md from the records of a run of the harness: python tests/faults/table.py FOLDER."""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- begin of the figures -->", "<!-- end of the figures -->"
PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
HEAD = "| faults | injected | survived | lost | what was injected; what counts as survived |"


@dataclass
class Row:
    """The records of one kind, added up."""

    injected: int = 0
    survived: int = 0
    lost: int = 0
    ways: dict[str, set[int]] = field(default_factory=dict)
    """What was injected and what was wanted, each with its seeds."""

    def add(self, record: dict[str, Any]) -> None:
        self.injected += record["injected"]
        self.survived += record["survived"]
        self.lost += record["lost"]
        seeds = self.ways.setdefault(f"{record['how']}; {record['wanted']}", set())
        seeds |= set() if record["seed"] is None else {record["seed"]}

    def text(self, kind: str) -> str:
        notes = (way + _said(seeds) for way, seeds in self.ways.items())
        return f"| {kind} | {self.injected} | {self.survived} | {self.lost} | {' / '.join(notes)} |"


def _said(seeds: set[int]) -> str:
    numbers = ", ".join(map(str, sorted(seeds)))
    return f" (seed{'s' if len(seeds) > 1 else ''} {numbers})" if seeds else ""


def rows(folder: Path) -> list[str]:
    """One line for every kind of fault."""
    kinds: dict[str, Row] = {}
    for path in sorted(folder.glob("*.json")):
        record = json.loads(path.read_text())
        kinds.setdefault(record["kind"], Row()).add(record)
    return [row.text(kind) for kind, row in sorted(kinds.items())]


def main(folder: Path) -> None:
    """Put the table between its marks."""
    text = PAGE.read_text()
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"
    table = "\n".join([f"Measured on {machine}.", "", HEAD, "|---|---|---|---|---|", *rows(folder)])
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
