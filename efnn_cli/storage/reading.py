"""Text files and plain values that anybody may have written; every failure is one sentence with the path."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any, NoReturn

from efnn_cli.core.errors import InputError


def require_file(path: Path) -> None:
    """Raise `InputError` unless `path` is a regular file: opening a FIFO would wait for another process."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise InputError(f"{str(path)!r} cannot be read: {reason(error)}") from error
    if not stat.S_ISREG(mode):
        raise InputError(f"{path} is not a regular file")


def read_text(path: Path) -> str:
    """Return the content of a UTF-8 text file; raises `InputError`."""
    require_file(path)
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeError as error:
        raise InputError(f"{path} is not a text file: {error}") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {reason(error)}") from error


def parse_json(text: str) -> dict[str, Any]:
    """Return a JSON object; raises `ValueError` for anything else, and for NaN and infinities."""
    try:
        return require_mapping(json.loads(text, parse_constant=_refuse_constant))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def require_mapping(value: Any) -> dict[str, Any]:
    """Return `value`; raises `ValueError` unless it is a mapping."""
    if not isinstance(value, dict):
        raise ValueError(f"wanted a mapping of keys, found {type(value).__name__}")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"wanted finite numbers, found {name}")


def reason(error: BaseException) -> str:
    """Return the reason of the operating system, or the first line of what a library says."""
    text = getattr(error, "strerror", None) or str(error).strip("'\"")
    return text.splitlines()[0] if text else type(error).__name__
