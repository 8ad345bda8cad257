"""The table in docs/reliability.md from the records of a run of the harness: python tests/faults/table.py FOLDER."""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path

BEGIN, END = "<!-- begin of the figures -->", "<!-- end of the figures -->"
PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
HEAD = "| faults | injected | survived | lost | what was injected; what counts as survived |"


def rows(folder: Path) -> list[str]:
    """One line for every kind of fault, the records of a kind added up."""
    kinds: dict[str, dict[str, object]] = {}
    for path in sorted(folder.glob("*.json")):
        record = json.loads(path.read_text())
        total = kinds.setdefault(record["kind"], {"injected": 0, "survived": 0, "lost": 0, "notes": []})
        for key in ("injected", "survived", "lost"):
            total[key] = int(str(total[key])) + record[key]
        seed = "" if record["seed"] is None else f", seed {record['seed']}"
        note = f"{record['how']}{seed}; {record['wanted']}"
        notes = total["notes"]
        assert isinstance(notes, list)
        if note not in notes:
            notes.append(note)
    return [
        f"| {kind} | {each['injected']} | {each['survived']} | {each['lost']} | {' / '.join(each['notes'])} |"  # type: ignore[arg-type]
        for kind, each in sorted(kinds.items())
    ]


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
