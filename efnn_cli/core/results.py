"""Results of commands: one JSON object, or a short table, on stdout."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from efnn_cli.core.table import Table
from efnn_cli.core.text import printable

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Failure:
    """Reason of an exit code other than 0; the keys of the JSON of an error."""

    code: int
    message: str
    hint: str


@dataclass
class Result:
    """Result of one command; people see `tables` instead of the JSON."""

    command: str
    metrics: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    status: str = "ok"
    tables: Sequence[Table] = ()
    failure: Failure | None = None
    """Failure of a part of the work that has a result nevertheless."""
    text: str | None = None
    """Text shown instead of the tables."""
    next: str = ""
    """Command to type next, for people."""

    def as_json(self, warnings: Sequence[str]) -> str:
        """Return one JSON object, without NaN."""
        return json.dumps(
            {
                "schema_version": SCHEMA_VERSION,
                "command": self.command,
                "status": self.status,
                "warnings": list(warnings),
                "outputs": dict(self.outputs),
                "metrics": dict(self.metrics),
                **({} if self.failure is None else asdict(self.failure)),
            },
            allow_nan=False,
        )

    def as_text(self) -> str:
        """Return the text, or the tables and under them the outputs; control characters are written out."""
        if self.text is not None:
            return "\n".join(map(printable, self.text.split("\n")))
        tables, outputs = [*self.tables], [*self.outputs.items()]
        if self.next:
            outputs.append(("next", self.next))
        if outputs and tables and not tables[-1].head:
            tables[-1] = Table((), [*tables[-1].rows, *outputs])
        elif outputs:
            tables.append(Table((), outputs))
        return "\n\n".join(table.text() for table in tables)


def error_json(command: str, failure: Failure) -> str:
    """Return the JSON object of a failed command."""
    head = {"schema_version": SCHEMA_VERSION, "command": command, "status": "error"}
    return json.dumps(head | asdict(failure))


def shown(path: Path) -> str:
    """Return `path` relative to the current directory where it lies below it, else as it is."""
    absolute = Path(os.path.abspath(path))
    here = Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(path)
