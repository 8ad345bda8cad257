"""The process `efnn`, also `python -m efnn_cli`."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import NoReturn

from efnn_cli.core import ranks, resources
from efnn_cli.core.errors import Interrupted
from efnn_cli.core.signals import end_on_signals, interrupt_on_signals
from efnn_cli.core.streams import secure_streams

SPIN_COUNT = "20000"  # costs one training 2 to 3 %, and makes three side by side several times as fast


def run() -> NoReturn:
    """Run one command and end the process with its exit code."""
    secure_streams()
    interrupt_on_signals()  # imports take a second
    share_cores()
    if sys.platform == "darwin":  # what the GPU of an Apple computer lacks, such as QR, the CPU does
        os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")
    try:
        from efnn_cli.cli import main

        code = main()
    except Interrupted as error:  # while importing
        end_on_signals()
        from efnn_cli.core.failures import as_efnn_error, report_error

        command = "".join(sys.argv[1:2])
        code = report_error(as_efnn_error(error, command), command, as_json="--json" in sys.argv)
    end_on_signals()
    if ranks.is_distributed():
        _leave(code)
    sys.exit(code)


def share_cores() -> None:
    """Limit threads to the CPU quota, and let waiting threads of OpenMP yield soon.

    Settings of the user stay. PyTorch reads both when it is loaded. By default GNU OpenMP spins for long, which slows
    several trainings side by side.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)
    if resources.cores() < resources.allowed_cores():  # OpenMP and BLAS know nothing of quotas
        os.environ.setdefault("OMP_NUM_THREADS", str(resources.cores()))


def _leave(code: int) -> NoReturn:
    """End without finalisers: there, threads of lost connections sometimes abort the process with another code."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    run()
