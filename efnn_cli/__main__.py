"""The process `efnn`, also `python -m efnn_cli`."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


def leave(signum: int, frame: FrameType | None) -> NoReturn:
    """End with 128 + signum; commands with something to save put their own handler in its place."""
    sys.exit(128 + signum)


def run() -> NoReturn:
    """Run one command and end the process with its exit code."""
    for each in SIGNALS:
        signal.signal(each, leave)
    from efnn_cli.cli import main  # after the handlers: imports take a second

    sys.exit(main())


if __name__ == "__main__":
    run()
