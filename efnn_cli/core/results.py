"""Results of commands: one JSON object, or a short table, on stdout."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

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
    """Result of one command; people see `rows` instead of the JSON."""

    command: str
    metrics: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    status: str = "ok"
    rows: Sequence[Sequence[str]] = ()
    """Lines of the table; the first one is its head if `headed`."""
    headed: bool = False
    failure: Failure | None = None
    """Failure of a part of the work that has a result nevertheless."""
    text: str | None = None
    """Text shown instead of the rows."""

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
        """Return the text, or the table in plain columns; control characters are written out."""
        lines = self._table() if self.text is None else self.text.split("\n")
        return "\n".join(map(printable, lines))

    def _table(self) -> list[str]:
        rows = [*self.rows, *([name, path] for name, path in self.outputs.items())] if not self.headed else self.rows
        widths = [max(len(row[i]) for row in rows if i < len(row)) for i in range(max(map(len, rows), default=0))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in rows
        ]
        if self.headed:
            lines += [f"{name}: {path}" for name, path in self.outputs.items()]
        return lines


def error_json(command: str, code: int, message: str, hint: str) -> str:
    """Return the JSON object of a failed command."""
    return json.dumps(
        {
            "schema_version": SCHEMA_VERSION,
            "command": command,
            "status": "error",
            "code": code,
            "message": message,
            "hint": hint,
        }
    )


def shown(path: Path) -> str:
    """Return `path` relative to the current directory where it lies below it, else as it is."""
    absolute = Path(os.path.abspath(path))
    here = Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(path)


def number(value: object) -> str:
    """Return a number with four significant digits, `-` where undefined."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)
