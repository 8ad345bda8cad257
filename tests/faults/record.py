"""What was injected and what became of it: one JSON file a kind, for the table in docs/reliability.md."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER = "EFNN_FAULTS"  # the environment variable that names the folder of the records


@dataclass
class Record:
    """Faults of one kind; every one is survived or lost."""

    kind: str
    how: str
    """What was injected, for the reader of the table."""
    wanted: str
    """What counts as survived."""
    seed: int | None = None
    injected: int = 0
    survived: int = 0

    def count(self, survived: bool, amount: int = 1) -> None:
        """Some faults more, with the same end."""
        self.injected += amount
        self.survived += amount if survived else 0

    @property
    def lost(self) -> int:
        """Faults that cost a result, or that nothing noticed."""
        return self.injected - self.survived

    def close(self, name: str) -> None:
        """Store the record where one is wanted, and fail the test where anything was lost or nothing injected."""
        folder = os.environ.get(FOLDER)
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            text = json.dumps(asdict(self) | {"lost": self.lost}, indent=1)
            (Path(folder) / f"{name}.json").write_text(text + "\n")
        assert self.injected > 0, "nothing was injected"
        assert self.lost == 0, f"{self.lost} of {self.injected} lost"
